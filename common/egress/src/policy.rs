//! The egress policy.

use std::net::IpAddr;

use ipnet::IpNet;
use url::Host;

use super::allowed::{self, AllowedHost};
use super::names::is_internal;
use super::public::is_public;
use tidings_domain::content::WebhookUrl;
use tidings_settings::Reader;

/// Where webhooks may go. By default: to public addresses, by `https`.
#[derive(Clone, Debug, Default)]
pub struct EgressPolicy {
    /// `WEBHOOK_ALLOW_HOSTS`, default none: hosts, `host` or `host:port`, separated by commas. Webhooks may go to
    /// them at any address, and by `http`.
    hosts: Vec<AllowedHost>,
    /// `WEBHOOK_ALLOW_NETS`, default none: networks such as `10.0.0.0/8`, separated by commas. Webhooks may go to
    /// their addresses, and by `http` if the URL contains the address itself. A name that resolves to such an
    /// address needs `https`, because the name is resolved only when the request is sent.
    nets: Vec<IpNet>,
}

/// The addresses to which the host of a URL may resolve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressScope {
    /// The addresses that the policy allows.
    AllowedAddresses,
    /// Any address, because the operator allows the host.
    AnyAddress,
}

/// Why a webhook may not go to a URL. The message continues "url …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DisallowedUrl {
    /// The scheme is `http`.
    #[error("must be https, unless the operator allows its host by WEBHOOK_ALLOW_HOSTS")]
    Http,
    /// The host is a name of an internal network.
    #[error(
        "must name a host on the public internet, unless the operator allows that host by \
         WEBHOOK_ALLOW_HOSTS"
    )]
    InternalName,
    /// The host is, or resolves to, an address that is not public.
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

    /// Checks the URL without resolving names. If the host is a name, [`Self::allows`] must check the addresses
    /// that it resolves to.
    ///
    /// # Errors
    ///
    /// Returns the reason if a webhook may not go to the URL.
    pub fn check(&self, url: &WebhookUrl) -> Result<(), DisallowedUrl> {
        self.address_scope(url).map(|_| ())
    }

    /// Checks like [`Self::check`], and returns the addresses that the host may have.
    ///
    /// # Errors
    ///
    /// Returns the reason if a webhook may not go to the URL.
    pub fn address_scope(&self, url: &WebhookUrl) -> Result<AddressScope, DisallowedUrl> {
        let url = url.as_url();
        if self.hosts.iter().any(|allowed| allowed.matches(url)) {
            return Ok(AddressScope::AnyAddress);
        }
        // The URL parser understands every notation of an address: 127.1, 0x7f000001, 2130706433 ….
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(name)) if !is_internal(name) => None,
            Some(Host::Domain(_)) | None => return Err(DisallowedUrl::InternalName),
        };
        let in_nets = address.is_some_and(|address| self.in_allowed_net(address));
        if address.is_some_and(|address| !in_nets && !is_public(address)) {
            return Err(DisallowedUrl::InternalAddress);
        }
        if url.scheme() != "https" && !in_nets {
            return Err(DisallowedUrl::Http);
        }
        Ok(AddressScope::AllowedAddresses)
    }

    /// Whether a connection may be made to `address` for a URL with this `scope`.
    #[must_use]
    pub fn allows(&self, scope: AddressScope, address: IpAddr) -> bool {
        scope == AddressScope::AnyAddress || self.in_allowed_net(address) || is_public(address)
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
    fn by_default_webhooks_go_to_the_public_internet_by_https() {
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
            ("http://example.com/", DisallowedUrl::Http),
            ("http://8.8.8.8/", DisallowedUrl::Http),
            ("https://localhost/", DisallowedUrl::InternalName),
            ("https://LOCALHOST/", DisallowedUrl::InternalName),
            ("https://example.com./", DisallowedUrl::InternalName),
            ("https://127.0.0.1/", DisallowedUrl::InternalAddress),
            ("https://2130706433/", DisallowedUrl::InternalAddress),
            (
                "https://[::ffff:127.0.0.1]/",
                DisallowedUrl::InternalAddress,
            ),
        ] {
            assert_eq!(policy.check(&url(wrong)), Err(refusal), "{wrong}");
        }
    }

    #[test]
    fn an_allowed_host_may_have_any_address_and_use_http() {
        let policy = policy(&[("WEBHOOK_ALLOW_HOSTS", "hooks.corp, receiver:8080")]);
        let local = IpAddr::from([127, 0, 0, 1]);
        let scope = policy
            .address_scope(&url("http://hooks.corp/a"))
            .expect("allowed");
        assert!(policy.allows(scope, local));
        assert!(policy.check(&url("http://receiver:8080/")).is_ok());
        assert!(policy.check(&url("http://receiver:8081/")).is_err());
        let other = policy
            .address_scope(&url("https://example.com/"))
            .expect("allowed");
        assert!(!policy.allows(other, local));
    }

    #[test]
    fn an_allowed_network_permits_its_addresses_and_names_by_https() {
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
        let scope = AddressScope::AllowedAddresses;
        assert!(policy.allows(scope, IpAddr::from([10, 9, 9, 9])));
        assert!(!policy.allows(scope, IpAddr::from([192, 168, 0, 1])));
    }
}
