//! Addresses of logs that a report or a server's answer names, against an operator's allow list.

use std::net::{IpAddr, Ipv4Addr};

use paramedic_fetch::{FetchError, HostPattern, Hosts, path_of};
use url::{Host, Url};

use crate::input;

/// Entries that are read.
const PATTERNS_MAX: usize = 16;

/// Checks the URL in the first line against the entries in the others. No entry opens a link-local or a metadata
/// address, `*` opens public ones only, no entry is none, and the host of a URL allows that URL.
pub fn log_url(data: &[u8]) {
    let text = input::text(data);
    let mut lines = text.lines();
    let Some(Ok(url)) = lines.next().map(Url::parse) else { return };
    let patterns: Vec<HostPattern> = lines.take(PATTERNS_MAX).filter_map(|line| line.parse().ok()).collect();
    assert!(Hosts::new(&[]).check(&url).is_err(), "nothing is allowed unless it is listed");
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    let allows = |patterns: &[HostPattern]| Hosts::new(patterns).check(&url).is_ok();
    if let Some(address) = address {
        assert!(!allows(&patterns) || !is_never_asked(address), "{url}");
        let any: HostPattern = "*".parse().expect("an entry for every host");
        assert!(!allows(&[any]) || !(is_never_asked(address) || is_private(address)), "{url}");
    }
    if let Some(own) = HostPattern::of(&url) {
        let refused = Hosts::new(&[own]).check(&url).err();
        assert!(matches!(refused, None | Some(FetchError::ForbiddenAddress(_))), "{url}: {refused:?}");
    }
    if let Ok(path) = path_of(&url) {
        assert!(url.scheme() == "file" && path.is_absolute());
    }
}

/// As the standard library tells it, and not the code under test.
fn is_never_asked(address: IpAddr) -> bool {
    match v4_of(address) {
        Some(v4) => v4.is_link_local() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast(),
        None => address.is_unspecified() || address.is_multicast(),
    }
}

fn is_private(address: IpAddr) -> bool {
    v4_of(address).map_or(address.is_loopback(), |v4| v4.is_private() || v4.is_loopback())
}

fn v4_of(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(v6) => v6.to_ipv4_mapped(),
    }
}
