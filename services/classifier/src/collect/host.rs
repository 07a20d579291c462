//! Hosts that are asked for logs: those on the allow list, at addresses that were checked.

use std::{net::IpAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::{CollectError, address};

/// An entry of the allow list of log hosts: `host`, `*.suffix` or `*`, and a port where not every port is meant.
///
/// A host that is named, or whose suffix is, may lie in a private network. `*` stands for every host with a public
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
            None => {
                let host = Host::parse(name);
                NamePattern::Exact(host.map_err(|error| format!("give a host, `*.suffix` or `*`: {error}"))?)
            }
        };
        Ok(Self { name, port })
    }
}

impl HostPattern {
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
            _ => None,
        }
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
pub(super) struct LogHosts(Arc<[HostPattern]>);

impl LogHosts {
    pub(super) fn new(patterns: &[HostPattern]) -> Self {
        Self(patterns.into())
    }

    /// Refuses a URL whose host or port is not on the list, or whose address is not to be asked. Names are checked
    /// again when they are resolved.
    pub(super) fn check(&self, url: &Url) -> Result<(), CollectError> {
        let host = url.host().ok_or_else(|| CollectError::BadUrl("it names no host".to_owned()))?;
        let reach = self
            .reach(&host, url.port_or_known_default())
            .ok_or_else(|| CollectError::HostNotAllowed(host.to_string()))?;
        let address = match host {
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
            Host::Domain(_) => return Ok(()),
        };
        if reach.allows(address) { Ok(()) } else { Err(CollectError::ForbiddenAddress(address.to_string())) }
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
impl Resolve for LogHosts {
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
        LogHosts::new(&patterns).check(&Url::parse(url).unwrap()).is_ok()
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
        ] {
            assert_eq!(allows(patterns, url), expected, "{patterns:?} {url}");
        }
    }

    #[test]
    fn metadata_services_are_refused_however_they_are_written() {
        let patterns = ["*", "169.254.169.254", "[fe80::1]", "0.0.0.0"];
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
        for wrong in ["", "*internal", "*.", "*.*.x", "a b", "host:99999", "host:", "http://host"] {
            assert!(wrong.parse::<HostPattern>().is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_name_is_resolved_to_addresses_that_may_be_asked() {
        let resolve = async |patterns: &[&str]| {
            let patterns: Vec<HostPattern> = patterns.iter().map(|pattern| pattern.parse().unwrap()).collect();
            let addresses = LogHosts::new(&patterns).resolve("localhost".parse().unwrap()).await;
            addresses.map(Iterator::count).unwrap_or_default()
        };
        assert!(resolve(&["localhost"]).await > 0);
        assert_eq!((resolve(&["*"]).await, resolve(&["other"]).await), (0, 0));
    }
}
