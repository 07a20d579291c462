//! Hosts that are asked for logs: those on the allow list, at addresses that were checked.

use std::{net::IpAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::{FetchError, address};

/// An entry of the allow list of log hosts: `host`, `*.suffix`, a network such as `10.0.0.0/8`, or `*`; and a port where
/// not every port is meant.
///
/// A host that is named, or whose suffix or network is, may lie in a private network. `*` stands for every host with a public
/// address: a report that names `localhost` or a neighbour is refused. No entry opens link-local addresses and metadata
/// services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    name: NamePattern,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum NamePattern {
    Any,
    /// With its dot.
    Suffix(String),
    Exact(Host),
    /// Addresses that begin with so many bits of this one. A name is allowed by its name only.
    Network(IpAddr, u8),
}

impl NamePattern {
    fn network(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
        let bits: u8 =
            bits.parse().ok().filter(|bits| (1..=if address.is_ipv4() { 32 } else { 128 }).contains(bits))?;
        Some(Self::Network(address, bits))
    }
}

impl std::str::FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let after_address = text.rfind(']').map_or(0, |end| end + 1);
        let colon = text.get(after_address..).and_then(|rest| rest.rfind(':')).map(|colon| after_address + colon);
        let (name, port) = match colon {
            Some(colon) => {
                let port = text.get(colon + 1..).and_then(|port| port.parse().ok());
                (text.get(..colon).unwrap_or_default(), Some(port.ok_or("a port is a number up to 65535")?))
            }
            None => (text, None),
        };
        let name = match name.strip_prefix('*') {
            Some("") => NamePattern::Any,
            Some(suffix) if suffix.starts_with('.') && suffix.len() > 1 && !suffix.contains('*') => {
                NamePattern::Suffix(suffix.to_ascii_lowercase())
            }
            Some(_) => return Err("`*` stands alone, or before a suffix with its dot: `*.example.com`".to_owned()),
            None if name.contains('/') => {
                NamePattern::network(name).ok_or("a network is an address and its bits: `10.0.0.0/8`")?
            }
            None => {
                let host = Host::parse(name);
                NamePattern::Exact(host.map_err(|error| format!("give a host, `*.suffix` or `*`: {error}"))?)
            }
        };
        Ok(Self { name, port })
    }
}

impl HostPattern {
    /// The host of an `http:` or `https:` URL without user and password, at any port.
    pub fn of(url: &Url) -> Option<Self> {
        let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
        let host = url.host().filter(|_| plain)?.to_owned();
        Some(Self { name: NamePattern::Exact(host), port: None })
    }

    /// `None`: it is another host. Else whether it is named.
    fn names<S: AsRef<str>>(&self, host: &Host<S>) -> Option<bool> {
        match (&self.name, host) {
            (NamePattern::Any, _) => Some(false),
            (NamePattern::Suffix(suffix), Host::Domain(domain)) => {
                domain.as_ref().ends_with(suffix.as_str()).then_some(true)
            }
            (NamePattern::Exact(Host::Domain(exact)), Host::Domain(domain)) => {
                (exact == domain.as_ref()).then_some(true)
            }
            (NamePattern::Exact(Host::Ipv4(exact)), Host::Ipv4(address)) => (exact == address).then_some(true),
            (NamePattern::Exact(Host::Ipv6(exact)), Host::Ipv6(address)) => (exact == address).then_some(true),
            (NamePattern::Network(network, bits), Host::Ipv4(address)) => {
                within(*network, *bits, IpAddr::V4(*address)).then_some(true)
            }
            (NamePattern::Network(network, bits), Host::Ipv6(address)) => {
                within(*network, *bits, IpAddr::V6(*address)).then_some(true)
            }
            _ => None,
        }
    }
}

fn within(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (network.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(bits)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            (network.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(bits)
        }
        _ => false,
    }
}

/// Which addresses of a host may be asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Also private ones.
    Private,
    /// Public ones only.
    Public,
}

impl Reach {
    fn allows(self, address: IpAddr) -> bool {
        !address::is_forbidden(address) && (self == Self::Private || address::is_public(address))
    }
}

/// The allow list.
#[derive(Clone)]
pub struct Hosts(Arc<[HostPattern]>);

impl Hosts {
    /// These entries; none allows nothing.
    pub fn new(patterns: &[HostPattern]) -> Self {
        Self(patterns.into())
    }

    /// Refuses a URL whose host or port is not on the list, or whose address is not to be asked. Names are checked
    /// again when they are resolved.
    pub fn check(&self, url: &Url) -> Result<(), FetchError> {
        let host = url.host().ok_or_else(|| FetchError::BadUrl("it names no host".to_owned()))?;
        let reach = self
            .reach(&host, url.port_or_known_default())
            .ok_or_else(|| FetchError::HostNotAllowed(host.to_string()))?;
        let address = match host {
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
            Host::Domain(_) => return Ok(()),
        };
        if reach.allows(address) { Ok(()) } else { Err(FetchError::ForbiddenAddress(address.to_string())) }
    }

    /// A host that is named is reached at the ports named with it only, `*` or not; no port: at any of them.
    fn reach<S: AsRef<str>>(&self, host: &Host<S>, port: Option<u16>) -> Option<Reach> {
        let at_port = |pattern: &HostPattern| pattern.port.is_none() || port.is_none() || pattern.port == port;
        let mut named = self.0.iter().filter(|pattern| pattern.names(host) == Some(true)).peekable();
        if named.peek().is_some() {
            return named.any(at_port).then_some(Reach::Private);
        }
        let mut any = self.0.iter().filter(|pattern| pattern.names(host) == Some(false));
        any.any(at_port).then_some(Reach::Public)
    }
}

/// The system's resolver, less the addresses that are not to be asked. What it answers is what is connected to, so that
/// a name cannot change its address between the check and the use.
impl Resolve for Hosts {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach(&Host::Domain(name.as_str()), None);
        Box::pin(async move {
            let refused = || format!("{} has no address that may be asked", name.as_str());
            let reach = reach.ok_or_else(refused)?;
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<_> = found.into_iter().filter(|address| reach.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err(refused().into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(patterns: &[&str], url: &str) -> bool {
        let patterns: Vec<HostPattern> = patterns.iter().map(|pattern| pattern.parse().unwrap()).collect();
        Hosts::new(&patterns).check(&Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn only_hosts_on_the_list_are_asked() {
        for (patterns, url, expected) in [
            (&[][..], "http://logs.internal/", false),
            (&["logs.internal"], "http://LOGS.internal:8042/x", true),
            (&["logs.internal"], "http://other.internal/", false),
            (&["logs.internal"], "http://logs.internal.evil.com/", false),
            (&["logs.internal:8042"], "http://logs.internal:8042/", true),
            (&["logs.internal:8042", "*"], "http://logs.internal:22/", false),
            (&["logs.internal:443"], "https://logs.internal/", true),
            (&["*.internal"], "http://a.b.internal/", true),
            (&["*.internal"], "http://internal/", false),
            (&["*.internal"], "http://evilinternal/", false),
            (&["10.0.0.7"], "http://10.0.0.7:8042/node", true),
            (&["[fd00::7]:80"], "http://[fd00::7]/", true),
            (&["*"], "http://logs.example.com/", true),
            (&["*"], "http://8.8.8.8/", true),
            (&["*"], "http://10.0.0.7/", false),
            (&["*"], "http://127.0.0.1:8083/v1/patches", false),
            (&["*"], "http://[::1]/", false),
            (&["127.0.0.1"], "http://2130706433/", true),
            (&["10.0.0.0/8"], "http://10.200.3.4:8042/", true),
            (&["10.0.0.0/8:8042", "11.0.0.0/8"], "http://10.200.3.4/", false),
            (&["10.0.0.0/9"], "http://10.200.3.4/", false),
            (&["10.0.0.0/8"], "http://name.internal/", false),
            (&["10.0.0.0/8"], "http://[::ffff:10.0.0.7]/", false),
            (&["[fd00::]/8"], "http://[fd12::7]:8081/", true),
            (&["[fd00::]/8"], "http://[fe00::7]/", false),
        ] {
            assert_eq!(allows(patterns, url), expected, "{patterns:?} {url}");
        }
    }

    #[test]
    fn metadata_services_are_refused_however_they_are_written() {
        let patterns = ["*", "169.254.169.254", "169.0.0.0/8", "[fe80::1]", "[fd00::]/8", "0.0.0.0"];
        for url in [
            "http://169.254.169.254/latest/meta-data",
            "http://2852039166/",
            "http://0xa9.0xfe.0xa9.0xfe/",
            "http://[::ffff:169.254.169.254]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[2002:a9fe:a9fe::1]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://0.0.0.0/",
        ] {
            assert!(!allows(&patterns, url), "{url}");
        }
    }

    #[test]
    fn wrong_entries_are_refused() {
        for wrong in [
            "",
            "*internal",
            "*.",
            "*.*.x",
            "a b",
            "host:99999",
            "host:",
            "http://host",
            "10.0.0.0/33",
            "10.0.0.0/0",
            "10/8",
            "host/8",
        ] {
            assert!(wrong.parse::<HostPattern>().is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_name_is_resolved_to_addresses_that_may_be_asked() {
        let resolve = async |patterns: &[&str]| {
            let patterns: Vec<HostPattern> = patterns.iter().map(|pattern| pattern.parse().unwrap()).collect();
            let addresses = Hosts::new(&patterns).resolve("localhost".parse().unwrap()).await;
            addresses.map(Iterator::count).unwrap_or_default()
        };
        assert!(resolve(&["localhost"]).await > 0);
        assert_eq!((resolve(&["*"]).await, resolve(&["other"]).await), (0, 0));
    }
}
