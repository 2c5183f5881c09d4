use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::SecretHash;
use super::api_key::{digits, random_digits};

/// 256 random bits in base 62. Nobody can find them by trying, and a slow hash would only cost time.
const LENGTH: usize = 43;

/// The text is not a token of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a token of the dashboard")]
pub struct InvalidDashboardToken;

/// Declares a token with a prefix of its own, so that none is taken for another.
macro_rules! token {
    ($(#[doc = $doc:literal])+ $token:ident, $prefix:literal) => {
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Eq)]
        pub struct $token([u8; LENGTH]);

        impl $token {
            /// What every token of this kind begins with.
            pub const PREFIX: &str = $prefix;

            /// Creates a token.
            ///
            /// # Errors
            ///
            /// Returns an error if the operating system provides no random bytes.
            pub fn generate() -> Result<Self, getrandom::Error> {
                random_digits().map(Self)
            }

            /// The whole token.
            #[must_use]
            pub fn expose(&self) -> String {
                // The bytes are ASCII, so the conversion cannot fail.
                let digits = str::from_utf8(&self.0).unwrap_or_default();
                format!("{}{digits}", Self::PREFIX)
            }

            /// The hash that the database stores instead of the token.
            #[must_use]
            pub fn hash(&self) -> SecretHash {
                Sha256::digest(self.expose()).into()
            }
        }

        impl FromStr for $token {
            type Err = InvalidDashboardToken;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let random = text.strip_prefix(Self::PREFIX).and_then(digits);
                random.map(Self).ok_or(InvalidDashboardToken)
            }
        }

        /// Hides the token.
        impl fmt::Debug for $token {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}***", Self::PREFIX)
            }
        }
    };
}

token! {
    /// The token of a link that logs in to the dashboard once.
    DashboardLinkToken, "tdl_"
}

token! {
    /// The token of a session of the dashboard, which a browser has in a cookie.
    DashboardSessionToken, "tds_"
}

impl DashboardSessionToken {
    /// The token that each change must carry beside the cookie, because other pages cannot read it. It tells nothing about the
    /// token of the session.
    #[must_use]
    pub fn csrf_token(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"tidings dashboard csrf 1\0");
        hash.update(self.expose());
        let digest = SecretHash::from(hash.finalize());
        digest.map(|byte| format!("{byte:02x}")).concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written_and_is_of_one_kind() {
        let session = DashboardSessionToken::generate().expect("a token");
        let text = session.expose();
        assert_eq!(text.len(), 47);
        assert_eq!(text.parse(), Ok(session.clone()));
        assert_eq!(session.hash()[..], Sha256::digest(&text)[..]);
        let other = text.replacen("tds_", "tdl_", 1);
        assert!(other.parse::<DashboardSessionToken>().is_err());
        let link: DashboardLinkToken = other.parse().expect("a token of a link");
        assert_ne!(link.hash(), session.hash());
        for wrong in [
            "",
            "tds_",
            &text[1..],
            &text[..46],
            &format!("{text}0"),
            &format!("{}-", &text[..46]),
        ] {
            assert!(wrong.parse::<DashboardSessionToken>().is_err(), "{wrong}");
        }
        assert_eq!(format!("{session:?} {link:?}"), "tds_*** tdl_***");
    }

    #[test]
    fn the_csrf_token_belongs_to_one_session() {
        let one = DashboardSessionToken::generate().expect("a token");
        let other = DashboardSessionToken::generate().expect("a token");
        assert_eq!(one.csrf_token(), one.csrf_token());
        assert_eq!(one.csrf_token().len(), 64);
        assert_ne!(one.csrf_token(), other.csrf_token());
        let stored = one.hash().map(|byte| format!("{byte:02x}")).concat();
        assert_ne!(one.csrf_token(), stored);
    }
}
