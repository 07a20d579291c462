//! Addresses that are never asked for logs: a report must not make this service read a cloud's credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::CollectError;

/// Link-local addresses (AWS, GCP and Azure serve instance credentials at 169.254.169.254), the metadata services that
/// live elsewhere, and addresses that name no single host.
pub(super) fn is_forbidden(address: IpAddr) -> bool {
    /// Alibaba Cloud's and Azure's metadata services.
    const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
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

/// The IPv4 address within a mapped (`::ffff:a.b.c.d`) or translated (`64:ff9b::a.b.c.d`) one.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let translated = || {
        let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() else { return None };
        Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
    };
    address.to_ipv4_mapped().or_else(translated)
}

/// Refuses a URL whose host is such an address. Names are checked when they are resolved.
pub(super) fn check(url: &Url) -> Result<(), CollectError> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(_)) => return Ok(()),
        None => return Err(CollectError::BadUrl("it names no host".to_owned())),
    };
    if is_forbidden(address) { Err(CollectError::ForbiddenAddress(address.to_string())) } else { Ok(()) }
}

/// The system's resolver, less the forbidden addresses. What it answers is what is connected to, so that a name cannot
/// change its address between the check and the use.
pub(super) struct CheckedResolver;

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<_> = found.into_iter().filter(|address| !is_forbidden(address.ip())).collect();
            if allowed.is_empty() {
                return Err(format!("{} has no address that may be asked", name.as_str()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_refused_however_they_are_written() {
        for url in [
            "http://169.254.169.254/latest/meta-data",
            "http://2852039166/",
            "http://0xa9.0xfe.0xa9.0xfe/",
            "http://[::ffff:169.254.169.254]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://0.0.0.0/",
        ] {
            assert!(check(&Url::parse(url).unwrap()).is_err(), "{url}");
        }
    }

    #[test]
    fn log_hosts_are_asked_also_in_private_networks() {
        for url in ["http://10.0.0.7:8042/node", "http://127.0.0.1/", "http://logs.internal/", "https://[fd00::7]/"] {
            assert!(check(&Url::parse(url).unwrap()).is_ok(), "{url}");
        }
    }
}
