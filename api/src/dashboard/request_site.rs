//! From which page a request comes: only pages of this API may use a session.

use url::{Host, Origin, Url};

use super::cookie::SessionCookie;

/// Why a request is not taken for one of the dashboard's own pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForeignSite {
    /// A change names neither an origin nor that it comes from the same one.
    #[error("has neither Origin nor Sec-Fetch-Site")]
    Unknown,
    /// Another page sends the request.
    #[error("comes from a page of another origin")]
    Foreign,
    /// The page was loaded without encryption, and not from this machine.
    #[error("comes from a page that was loaded by http")]
    Unencrypted,
}

/// What the headers of a request say about the page that sends it. A header that occurs twice, or is no text, says nothing that
/// fits.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestSite<'a> {
    /// `Host`.
    pub host: Option<&'a str>,
    /// `Origin`, which pages cannot forge.
    pub origin: Option<&'a str>,
    /// `Sec-Fetch-Site`, which pages cannot forge.
    pub fetch_site: Option<&'a str>,
    /// Whether a proxy has forwarded the request, so that `Host` may be that of its connection to the API.
    pub is_forwarded: bool,
    /// The origin of `PUBLIC_URL`.
    pub public: Option<&'a Origin>,
}

impl RequestSite<'_> {
    /// Checks a request that changes something.
    ///
    /// # Errors
    ///
    /// Returns why it is refused.
    pub fn check_change(&self) -> Result<(), ForeignSite> {
        match (self.origin, self.fetch_site) {
            (Some(origin), _) => self.check_origin(origin),
            (None, Some("same-origin")) => Ok(()),
            (None, Some(_)) => Err(ForeignSite::Foreign),
            (None, None) => Err(ForeignSite::Unknown),
        }
    }

    /// Checks a request that only reads. Browsers send no `Origin` with most of these, and nothing if a person opens the URL.
    ///
    /// # Errors
    ///
    /// Returns why it is refused.
    pub fn check_read(&self) -> Result<(), ForeignSite> {
        match (self.origin, self.fetch_site) {
            (Some(origin), _) => self.check_origin(origin),
            (None, None | Some("same-origin" | "none")) => Ok(()),
            (None, Some(_)) => Err(ForeignSite::Foreign),
        }
    }

    /// Checks a login, and returns the cookie for its session. A program that is no browser sends no headers of this kind.
    ///
    /// # Errors
    ///
    /// Returns why it is refused.
    pub fn check_login(&self) -> Result<SessionCookie, ForeignSite> {
        if self.origin.is_some() || self.fetch_site.is_some() {
            self.check_change()?;
        }
        let is_http = match self.origin {
            Some(origin) => origin.starts_with("http:"),
            None => self.is_loopback(),
        };
        Ok(if is_http {
            SessionCookie::Loopback
        } else {
            SessionCookie::Https
        })
    }

    /// Whether the client has reached the API by a name of this machine, and not through a proxy.
    pub fn is_loopback(&self) -> bool {
        let url = self.host.and_then(|host| url_of("http", host));
        !self.is_forwarded && url.is_some_and(|url| is_loopback(&url))
    }

    fn check_origin(&self, text: &str) -> Result<(), ForeignSite> {
        let (scheme, authority) = text.split_once("://").ok_or(ForeignSite::Foreign)?;
        let url = url_of(scheme, authority).ok_or(ForeignSite::Foreign)?;
        let is_public = self.public.is_some_and(|public| url.origin() == *public);
        // The scheme of the connection is unknown behind a proxy.
        let own = self.host.and_then(|host| url_of(scheme, host));
        if !is_public && own.is_none_or(|own| own.origin() != url.origin()) {
            return Err(ForeignSite::Foreign);
        }
        if scheme == "https" || is_loopback(&url) {
            Ok(())
        } else {
            Err(ForeignSite::Unencrypted)
        }
    }
}

/// The URL of an origin; `None` if the text is anything else.
fn url_of(scheme: &str, authority: &str) -> Option<Url> {
    let is_plain = !authority.contains(['/', '\\', '?', '#', '@']) && !authority.is_empty();
    let is_web = matches!(scheme, "http" | "https");
    let url = || Url::parse(&format!("{scheme}://{authority}")).ok();
    (is_plain && is_web).then(url).flatten()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site<'a>(
        host: &'a str,
        origin: Option<&'a str>,
        fetch_site: Option<&'a str>,
    ) -> RequestSite<'a> {
        RequestSite {
            host: Some(host),
            origin,
            fetch_site,
            ..RequestSite::default()
        }
    }

    #[test]
    fn only_pages_of_the_same_origin_change_something() {
        use ForeignSite::{Foreign, Unencrypted, Unknown};
        const HOST: &str = "t.example.com";
        for (host, origin, fetch_site, expected) in [
            (HOST, Some("https://t.example.com"), None, Ok(())),
            (HOST, Some("https://T.example.com:443"), None, Ok(())),
            (
                "t.example.com:443",
                Some("https://t.example.com"),
                None,
                Ok(()),
            ),
            (
                "t.example.com:8443",
                Some("https://t.example.com:8443"),
                Some("same-origin"),
                Ok(()),
            ),
            (
                "localhost:3000",
                Some("http://localhost:3000"),
                None,
                Ok(()),
            ),
            ("a.localhost", Some("http://a.localhost"), None, Ok(())),
            (
                "127.0.0.1:3000",
                Some("http://127.0.0.1:3000"),
                None,
                Ok(()),
            ),
            ("[::1]:3000", Some("http://[::1]:3000"), None, Ok(())),
            (HOST, None, Some("same-origin"), Ok(())),
            (HOST, None, None, Err(Unknown)),
            (HOST, None, Some("none"), Err(Foreign)),
            (HOST, None, Some("same-site"), Err(Foreign)),
            (HOST, None, Some("cross-site"), Err(Foreign)),
            (HOST, Some("http://t.example.com"), None, Err(Unencrypted)),
            (
                "192.0.2.1:3000",
                Some("http://192.0.2.1:3000"),
                None,
                Err(Unencrypted),
            ),
            (HOST, Some("null"), Some("same-origin"), Err(Foreign)),
            (HOST, Some(""), None, Err(Foreign)),
            (
                HOST,
                Some("https://evil.example.com"),
                Some("same-origin"),
                Err(Foreign),
            ),
            (HOST, Some("https://example.com"), None, Err(Foreign)),
            (HOST, Some("https://t.example.com:8443"), None, Err(Foreign)),
            (
                HOST,
                Some("https://t.example.com.evil.example"),
                None,
                Err(Foreign),
            ),
            (
                HOST,
                Some("https://t.example.com@evil.example"),
                None,
                Err(Foreign),
            ),
            (HOST, Some("https://t.example.com/"), None, Err(Foreign)),
            (HOST, Some("file://t.example.com"), None, Err(Foreign)),
            (
                "localhost:3000",
                Some("http://localhost:3001"),
                None,
                Err(Foreign),
            ),
            (
                "localhost:3000",
                Some("http://127.0.0.1:3000"),
                None,
                Err(Foreign),
            ),
        ] {
            let outcome = site(host, origin, fetch_site).check_change();
            assert_eq!(outcome, expected, "{host} {origin:?} {fetch_site:?}");
        }
        assert_eq!(RequestSite::default().check_change(), Err(Unknown));
    }

    #[test]
    fn behind_a_proxy_that_changes_the_host_the_public_url_counts() {
        let public = Url::parse("https://t.example.com/notifications")
            .expect("a URL")
            .origin();
        let site = |origin| RequestSite {
            public: Some(&public),
            ..site("127.0.0.1:3000", Some(origin), None)
        };
        assert_eq!(site("https://t.example.com").check_change(), Ok(()));
        assert_eq!(
            site("https://u.example.com").check_change(),
            Err(ForeignSite::Foreign)
        );
        assert_eq!(
            site("http://t.example.com").check_change(),
            Err(ForeignSite::Foreign)
        );
    }

    #[test]
    fn a_page_of_another_origin_does_not_even_read() {
        for (origin, fetch_site, is_allowed) in [
            (None, None, true),
            (None, Some("same-origin"), true),
            (None, Some("none"), true),
            (None, Some("same-site"), false),
            (None, Some("cross-site"), false),
            (Some("https://t.example.com"), None, true),
            (Some("https://u.example.com"), None, false),
            (Some("null"), None, false),
        ] {
            let outcome = site("t.example.com", origin, fetch_site).check_read();
            assert_eq!(outcome.is_ok(), is_allowed, "{origin:?} {fetch_site:?}");
        }
    }

    #[test]
    fn a_login_by_http_gets_its_cookie_on_this_machine_only() {
        use SessionCookie::{Https, Loopback};
        for (host, origin, expected) in [
            (
                "localhost:3000",
                Some("http://localhost:3000"),
                Ok(Loopback),
            ),
            ("localhost:3000", None, Ok(Loopback)),
            ("localhost", Some("https://localhost"), Ok(Https)),
            ("t.example.com", Some("https://t.example.com"), Ok(Https)),
            ("t.example.com", None, Ok(Https)),
            (
                "t.example.com",
                Some("http://t.example.com"),
                Err(ForeignSite::Unencrypted),
            ),
            (
                "t.example.com",
                Some("https://u.example.com"),
                Err(ForeignSite::Foreign),
            ),
        ] {
            assert_eq!(
                site(host, origin, None).check_login(),
                expected,
                "{host} {origin:?}"
            );
        }
        let forwarded = RequestSite {
            is_forwarded: true,
            ..site("localhost:3000", None, None)
        };
        assert_eq!(forwarded.check_login(), Ok(Https));
        assert!(!forwarded.is_loopback());
        let fetched = site("t.example.com", None, Some("cross-site"));
        assert_eq!(fetched.check_login(), Err(ForeignSite::Foreign));
    }
}
