use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use subtle::ConstantTimeEq;
use tidings_db::user_sessions::UserSession;
use tidings_domain::access::SessionId;

use super::keys::AccountKeys;

/// Begins a refresh token, so that logs and scanners recognize it.
const PREFIX: &str = "tdr_";

/// A refresh token that a client presents: `tdr_<session>.<generation>.<MAC>`.
#[derive(Clone)]
pub struct RefreshToken {
    pub(super) session: SessionId,
    pub(super) generation: i64,
    mac: [u8; 32],
}

/// The text is not a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a refresh token")]
pub struct MalformedRefreshToken;

impl RefreshToken {
    /// The token of a session's current generation.
    pub(super) fn of(session: &UserSession, keys: &AccountKeys) -> SecretString {
        let mac = mac(session, session.generation, keys);
        let mac = URL_SAFE_NO_PAD.encode(mac);
        format!("{PREFIX}{}.{}.{mac}", session.id, session.generation).into()
    }

    /// Whether the token was issued for this session. In constant time.
    pub(super) fn belongs_to(&self, session: &UserSession, keys: &AccountKeys) -> bool {
        let expected = mac(session, self.generation, keys);
        session.id == self.session && bool::from(expected.ct_eq(&self.mac))
    }
}

fn mac(session: &UserSession, generation: i64, keys: &AccountKeys) -> [u8; 32] {
    keys.refresh_mac(&[
        session.id.as_uuid().as_bytes(),
        &generation.to_be_bytes(),
        &session.seed,
    ])
}

impl FromStr for RefreshToken {
    type Err = MalformedRefreshToken;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let mut parts = text.strip_prefix(PREFIX)?.splitn(3, '.');
            let session = parts.next()?.parse().ok()?;
            let generation: i64 = parts.next()?.parse().ok().filter(|number| *number > 0)?;
            let mac = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
            Some(Self {
                session,
                generation,
                mac: mac.try_into().ok()?,
            })
        };
        parse().ok_or(MalformedRefreshToken)
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken")
            .field("session", &self.session)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}
