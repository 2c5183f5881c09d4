//! The exceptions that the operator allows.

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

use tidings_settings::{Reader, table};

/// A host that the operator allows, with one port or any port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AllowedHost {
    host: Host,
    port: Option<u16>,
}

impl AllowedHost {
    /// Parses `host` or `host:port`, in any notation that URLs allow. Returns `None` for other text.
    fn parse(text: &str) -> Option<Self> {
        // The URL parser drops the default port of a scheme, so the port is parsed here.
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
            _ => (text, None),
        };
        if host.contains('*') {
            return None;
        }
        let host = Host::parse(host).ok()?;
        Some(Self { host, port })
    }

    pub(super) fn matches(&self, url: &Url) -> bool {
        let port = url.port_or_known_default();
        url.host() == Some(borrowed(&self.host)) && (self.port.is_none() || self.port == port)
    }
}

fn borrowed(host: &Host) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name.as_str()),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    }
}

/// Parses a network (`10.0.0.0/8`), or a single address.
fn network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok();
    network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

pub(super) fn hosts(reader: &mut Reader) -> Vec<AllowedHost> {
    let expected = "must be host or host:port, without scheme, path and wildcards, such as \
                 hooks.corp:8443";
    reader.list(table::WEBHOOK_ALLOW_HOSTS, |text| {
        AllowedHost::parse(text).ok_or(expected)
    })
}

pub(super) fn networks(reader: &mut Reader) -> Vec<IpNet> {
    let expected = "must be a network or an address, such as 10.0.0.0/8 or fd00::/8";
    reader.list(table::WEBHOOK_ALLOW_NETS, |text| {
        network(text).ok_or(expected)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(allowed: &str, url: &str) -> bool {
        let allowed = AllowedHost::parse(allowed).expect("a host");
        allowed.matches(&Url::parse(url).expect("a URL"))
    }

    #[test]
    fn an_allowed_host_matches_only_that_host_and_port() {
        assert!(matches("hooks.corp", "http://HOOKS.corp:99/a"));
        assert!(matches("Hooks.Corp:80", "http://hooks.corp/"));
        assert!(!matches("hooks.corp:80", "https://hooks.corp/"));
        assert!(!matches("hooks.corp:80", "http://hooks.corp:8080/"));
        assert!(!matches("hooks.corp", "http://a.hooks.corp/"));
        assert!(!matches("hooks.corp", "http://hooks.corp.example.com/"));
        assert!(matches("[::1]:443", "https://[0:0::1]/"));
        assert!(matches("[::1]", "https://[::1]:8443/"));
        assert!(matches("127.0.0.1:8080", "http://127.1:8080/"));
    }

    #[test]
    fn an_invalid_host_is_reported_with_its_variable() {
        for wrong in [
            "*.corp",
            "http://hooks.corp",
            "hooks.corp/path",
            "hooks.corp:port",
            "hooks.corp:99999",
            "::1",
            ":80",
            "a b",
        ] {
            let vars = [("WEBHOOK_ALLOW_HOSTS".to_owned(), wrong.to_owned())];
            let mut reader = Reader::from_vars(vars);
            hosts(&mut reader);
            let problems = reader.finish(Some(())).expect_err(wrong);
            assert_eq!(problems.0[0].name, "WEBHOOK_ALLOW_HOSTS");
        }
    }

    #[test]
    fn a_network_may_be_a_single_address() {
        assert_eq!(network("127.0.0.1"), "127.0.0.1/32".parse().ok());
        assert_eq!(network("fd00::/8"), "fd00::/8".parse().ok());
        assert_eq!(network("10.0.0.0/33"), None);
        assert_eq!(network("hooks.corp"), None);
    }
}
