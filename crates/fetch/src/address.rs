//! Addresses: those that are never asked for logs, and those of the public network. A report must not make this service
//! read a cloud's credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Link-local addresses (AWS, GCP and Azure serve instance credentials at 169.254.169.254), the metadata services that
/// live elsewhere, and addresses that name no single host.
pub(crate) fn is_forbidden(address: IpAddr) -> bool {
    /// Alibaba Cloud's, Azure's and Oracle Cloud's metadata services.
    const METADATA_V4: [Ipv4Addr; 3] =
        [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
    /// The metadata service of AWS over IPv6.
    const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_multicast()
                || v4.is_broadcast()
                || METADATA_V4.contains(&v4)
        }
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6 == METADATA_V6
                || embedded_v4(v6).is_some_and(|v4| is_forbidden(v4.into()))
        }
    }
}

/// Is it an address of the public network?
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (b & 0xc0) == 64;
            let benchmarking = a == 198 && (b & 0xfe) == 18;
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_documentation()
                || shared
                || benchmarking
                || a == 0
                || a >= 224
                || v4.octets().starts_with(&[192, 0, 0]))
        }
        IpAddr::V6(v6) => match embedded_v4(v6) {
            Some(v4) => is_public(v4.into()),
            // Of the rest only 2000::/3 is given out, less documentation (2001:db8::/32) and Teredo (2001::/32).
            None => match v6.segments() {
                [0x2001, 0 | 0xdb8, ..] => false,
                [first, ..] => first & 0xe000 == 0x2000,
            },
        },
    }
}

/// The IPv4 address within a mapped (`::ffff:a.b.c.d`), compatible (`::a.b.c.d`), translated (`64:ff9b::a.b.c.d`) or
/// 6to4 (`2002:ab.cd::`) one.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(v4(high, low))
        }
        // `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0, high, low] if high > 0 => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_told_from_private_ones() {
        for public in ["8.8.8.8", "100.128.0.1", "2600::1", "::ffff:8.8.8.8", "2002:808:808::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "10.0.0.7",
            "127.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "0.1.2.3",
            "198.18.0.1",
            "240.0.0.1",
            "::1",
            "fd00::7",
            "fe80::1",
            "::ffff:10.0.0.7",
            "2002:7f00:1::1",
            "2001:db8::1",
            "2001:0:1::1",
            "::127.0.0.1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }
}
