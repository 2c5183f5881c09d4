//! The cookie of a session.

use tidings_domain::access::DashboardSessionToken;

/// The name of the cookie and its attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionCookie {
    /// For https. The prefix makes browsers refuse the cookie without `Secure`, with a domain or with another path, so that no
    /// other host can set it.
    Https,
    /// For http on this machine, where browsers refuse that prefix.
    Loopback,
}

impl SessionCookie {
    const fn name(self) -> &'static str {
        match self {
            Self::Https => "__Host-tidings",
            Self::Loopback => "tidings",
        }
    }

    const fn attributes(self) -> &'static str {
        match self {
            Self::Https => "Path=/; HttpOnly; Secure; SameSite=Strict",
            Self::Loopback => "Path=/; HttpOnly; SameSite=Strict",
        }
    }

    /// The `Set-Cookie` that gives a browser the token until it is closed. The session itself ends after a day.
    pub fn set(self, token: &DashboardSessionToken) -> String {
        format!("{}={}; {}", self.name(), token.expose(), self.attributes())
    }

    /// The `Set-Cookie` that deletes the cookie.
    pub fn delete(self) -> String {
        format!("{}=; Max-Age=0; {}", self.name(), self.attributes())
    }
}

/// What a request has as its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenCookie {
    /// No cookie of a session.
    None,
    /// A token.
    Token(SessionCookie, DashboardSessionToken),
    /// The cookie twice, or something else than a token.
    Invalid,
}

/// Reads the cookie from the values of `Cookie` headers. Takes [`SessionCookie::Loopback`] only if `is_loopback`: elsewhere,
/// another host of the domain could have set it.
pub fn read<'a>(headers: impl Iterator<Item = &'a [u8]>, is_loopback: bool) -> GivenCookie {
    let headers: Vec<&[u8]> = headers.collect();
    let kinds = [SessionCookie::Loopback, SessionCookie::Https];
    for kind in &kinds[usize::from(!is_loopback)..] {
        let name = kind.name().as_bytes();
        let cookies = headers
            .iter()
            .flat_map(|header| header.split(|byte| *byte == b';'))
            .map(<[u8]>::trim_ascii);
        let mut values = cookies.filter_map(|cookie| cookie.strip_prefix(name)?.strip_prefix(b"="));
        let Some(value) = values.next() else {
            continue;
        };
        if values.next().is_some() {
            return GivenCookie::Invalid;
        }
        let token = str::from_utf8(value)
            .ok()
            .and_then(|text| text.parse().ok());
        return token.map_or(GivenCookie::Invalid, |token| {
            GivenCookie::Token(*kind, token)
        });
    }
    GivenCookie::None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others_and_only_once() {
        let token = DashboardSessionToken::generate().expect("a token");
        let text = token.expose();
        let (https, loopback) = (
            GivenCookie::Token(SessionCookie::Https, token.clone()),
            GivenCookie::Token(SessionCookie::Loopback, token),
        );
        let other = DashboardSessionToken::generate().expect("a token").expose();
        for (headers, is_loopback, expected) in [
            (vec![], true, &GivenCookie::None),
            (
                vec!["a=b; tidingsx=1; xtidings=2".to_owned()],
                true,
                &GivenCookie::None,
            ),
            (
                vec![format!("a=b;  __Host-tidings={text} ;c=d")],
                false,
                &https,
            ),
            (
                vec!["a=b".to_owned(), format!("__Host-tidings={text}")],
                true,
                &https,
            ),
            (vec![format!("tidings={text}")], true, &loopback),
            (vec![format!("tidings={text}")], false, &GivenCookie::None),
            (
                vec![format!("__Host-tidings={other}; tidings={text}")],
                true,
                &loopback,
            ),
            (
                vec![format!("__Host-tidings={text}; tidings={other}")],
                false,
                &https,
            ),
            (
                vec![format!("__Host-tidings={text}; __Host-tidings={text}")],
                false,
                &GivenCookie::Invalid,
            ),
            (
                vec![format!("tidings={text}"), format!("tidings={other}")],
                true,
                &GivenCookie::Invalid,
            ),
            (vec!["tidings=".to_owned()], true, &GivenCookie::Invalid),
            (
                vec![format!("tidings=\"{text}\"")],
                true,
                &GivenCookie::Invalid,
            ),
        ] {
            let found = read(headers.iter().map(String::as_bytes), is_loopback);
            assert_eq!(&found, expected, "{headers:?} {is_loopback}");
        }
    }

    #[test]
    fn attributes_keep_the_cookie_from_scripts_and_other_sites() {
        let token = DashboardSessionToken::generate().expect("a token");
        let text = token.expose();
        assert_eq!(
            SessionCookie::Https.set(&token),
            format!("__Host-tidings={text}; Path=/; HttpOnly; Secure; SameSite=Strict")
        );
        assert_eq!(
            SessionCookie::Loopback.set(&token),
            format!("tidings={text}; Path=/; HttpOnly; SameSite=Strict")
        );
        assert_eq!(
            SessionCookie::Loopback.delete(),
            "tidings=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"
        );
    }
}
