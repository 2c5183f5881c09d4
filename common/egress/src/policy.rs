use std::net::IpAddr;

use ipnet::IpNet;
use url::Host;

use super::allowed::{self, AllowedHost};
use super::names::is_internal;
use super::public::is_public;
use tidings_domain::content::WebhookUrl;
use tidings_settings::Reader;

/// Where webhooks may go. Without exceptions: by `https` to addresses on the public internet.
#[derive(Clone, Debug, Default)]
pub struct EgressPolicy {
    /// `WEBHOOK_ALLOW_HOSTS`, default none: hosts, `host` or `host:port`, separated by commas. They may
    /// be reached whatever they resolve to, and by `http`.
    hosts: Vec<AllowedHost>,
    /// `WEBHOOK_ALLOW_NETS`, default none: networks such as `10.0.0.0/8`, separated by commas. Their
    /// addresses may be reached, and by `http` where the URL holds the address itself. A name that
    /// resolves into them is reached by `https` alone: whether it does is known only once the request
    /// is on its way.
    nets: Vec<IpNet>,
}

/// How far an allowed URL reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the addresses that the policy allows.
    AllowedAddresses,
    /// To whatever address its name has: the operator allows the host.
    AnyAddress,
}

/// Why a webhook may not go to a URL, in words that finish "url …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is `http`.
    #[error("must be https, unless the operator allows its host by WEBHOOK_ALLOW_HOSTS")]
    Http,
    /// Its host is a name that only an internal network knows.
    #[error(
        "must name a host on the public internet, unless the operator allows that host by \
         WEBHOOK_ALLOW_HOSTS"
    )]
    InternalName,
    /// It is, or leads to, an address that is not on the public internet.
    #[error(
        "must lead to an address on the public internet, unless the operator allows its host by \
         WEBHOOK_ALLOW_HOSTS or the address by WEBHOOK_ALLOW_NETS"
    )]
    InternalAddress,
}

impl EgressPolicy {
    /// Reads `WEBHOOK_ALLOW_HOSTS` and `WEBHOOK_ALLOW_NETS`.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            hosts: allowed::hosts(reader),
            nets: allowed::networks(reader),
        }
    }

    /// Judges what can be judged by the URL alone. Where its host is a name, [`Self::allows`] must
    /// judge the addresses that it resolves to.
    ///
    /// # Errors
    ///
    /// Where a webhook may not go there.
    pub fn check(&self, url: &WebhookUrl) -> Result<(), Refusal> {
        self.reach(url).map(|_| ())
    }

    /// Judges like [`Self::check`], and tells which addresses the host's name may have.
    ///
    /// # Errors
    ///
    /// Where a webhook may not go there.
    pub fn reach(&self, url: &WebhookUrl) -> Result<Reach, Refusal> {
        let url = url.as_url();
        if self.hosts.iter().any(|allowed| allowed.is(url)) {
            return Ok(Reach::AnyAddress);
        }
        // The URL parser has read every spelling of an address: 127.1, 0x7f000001, 2130706433 ….
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(name)) if !is_internal(name) => None,
            Some(Host::Domain(_)) | None => return Err(Refusal::InternalName),
        };
        let in_nets = address.is_some_and(|address| self.in_allowed_net(address));
        if address.is_some_and(|address| !in_nets && !is_public(address)) {
            return Err(Refusal::InternalAddress);
        }
        if url.scheme() != "https" && !in_nets {
            return Err(Refusal::Http);
        }
        Ok(Reach::AllowedAddresses)
    }

    /// Whether a connection may be made to `address` for a URL of this `reach`.
    #[must_use]
    pub fn allows(&self, reach: Reach, address: IpAddr) -> bool {
        reach == Reach::AnyAddress || self.in_allowed_net(address) || is_public(address)
    }

    fn in_allowed_net(&self, address: IpAddr) -> bool {
        self.nets.iter().any(|net| net.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(vars: &[(&str, &str)]) -> EgressPolicy {
        let vars = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let mut reader = Reader::from_vars(vars);
        let policy = EgressPolicy::read(&mut reader);
        reader.finish(Some(policy)).expect("right settings")
    }

    fn url(text: &str) -> WebhookUrl {
        text.parse().unwrap_or_else(|_| panic!("{text}: no URL"))
    }

    #[test]
    fn without_exceptions_webhooks_go_to_the_public_internet_by_https() {
        let policy = EgressPolicy::default();
        for right in [
            "https://example.com/hooks",
            "https://example.com:8443/hooks",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]/",
        ] {
            assert_eq!(policy.check(&url(right)), Ok(()), "{right}");
        }
        for (wrong, refusal) in [
            ("http://example.com/", Refusal::Http),
            ("http://8.8.8.8/", Refusal::Http),
            ("https://localhost/", Refusal::InternalName),
            ("https://LOCALHOST/", Refusal::InternalName),
            ("https://example.com./", Refusal::InternalName),
            ("https://127.0.0.1/", Refusal::InternalAddress),
            ("https://2130706433/", Refusal::InternalAddress),
            ("https://[::ffff:127.0.0.1]/", Refusal::InternalAddress),
        ] {
            assert_eq!(policy.check(&url(wrong)), Err(refusal), "{wrong}");
        }
    }

    #[test]
    fn an_allowed_host_may_have_any_address_and_speak_http() {
        let policy = policy(&[("WEBHOOK_ALLOW_HOSTS", "hooks.corp, receiver:8080")]);
        let local = IpAddr::from([127, 0, 0, 1]);
        let reach = policy.reach(&url("http://hooks.corp/a")).expect("allowed");
        assert!(policy.allows(reach, local));
        assert!(policy.check(&url("http://receiver:8080/")).is_ok());
        assert!(policy.check(&url("http://receiver:8081/")).is_err());
        let other = policy.reach(&url("https://example.com/")).expect("allowed");
        assert!(!policy.allows(other, local));
    }

    #[test]
    fn an_allowed_network_opens_its_addresses_and_names_by_https_alone() {
        let policy = policy(&[("WEBHOOK_ALLOW_NETS", "10.0.0.0/8,127.0.0.1,fd00::/8")]);
        for right in [
            "http://10.1.2.3/",
            "https://127.1/",
            "http://[fd00::1]:8080/",
        ] {
            assert_eq!(policy.check(&url(right)), Ok(()), "{right}");
        }
        for wrong in [
            "http://127.0.0.2/",
            "https://192.168.0.1/",
            "https://localhost/",
            "http://example.com/",
            "http://[::ffff:10.1.2.3]/",
        ] {
            assert!(policy.check(&url(wrong)).is_err(), "{wrong}");
        }
        let reach = Reach::AllowedAddresses;
        assert!(policy.allows(reach, IpAddr::from([10, 9, 9, 9])));
        assert!(!policy.allows(reach, IpAddr::from([192, 168, 0, 1])));
    }
}
