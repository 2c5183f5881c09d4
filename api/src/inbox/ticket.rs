//! Tickets: what opens a stream for clients that cannot send headers, such as the `EventSource` of browsers.

use std::time::Duration;

use hkdf::Hkdf;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tidings_db::notifications::PayloadReader;
use tidings_domain::access::{ApiKeyId, Scopes, SessionId};
use uuid::Uuid;

use super::StreamGrant;
use crate::auth::Caller;

/// How long a ticket is valid.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(30);

/// How far the clocks of the API's processes may differ, in seconds.
const LEEWAY_SECS: u64 = 2;

const AUDIENCE: &str = "stream";

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    exp: i64,
    /// The subject of the caller.
    sub: String,
    /// The rights of the caller.
    scope: String,
    /// The owner of the inbox.
    user: Uuid,
    /// Whether the caller acts for the owner.
    own: bool,
    /// When the caller's token expires.
    until: Option<i64>,
    /// The session of the caller's token.
    sid: Option<Uuid>,
}

/// Signs and verifies tickets. Their key is derived from a secret that all processes have, so that a ticket opens a stream at
/// any of them, and is no token.
pub struct Tickets(Option<Keys>);

struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Tickets {
    /// Derives the key from `secret`. Without one, there are no tickets.
    pub fn new(secret: Option<&SecretString>) -> Self {
        Self(secret.map(|secret| {
            let hkdf =
                Hkdf::<Sha256>::new(Some(b"tidings streams"), secret.expose_secret().as_bytes());
            let mut key = [0; 32];
            // Fails only for more than 8160 bytes.
            let expanded = hkdf.expand(b"ticket 1", &mut key);
            debug_assert!(expanded.is_ok());
            let mut validation = Validation::new(Algorithm::HS256);
            validation.leeway = LEEWAY_SECS;
            validation.set_audience(&[AUDIENCE]);
            validation.set_required_spec_claims(&["exp", "aud", "sub"]);
            Keys {
                encoding: EncodingKey::from_secret(&key),
                decoding: DecodingKey::from_secret(&key),
                validation,
            }
        }))
    }

    /// Signs a ticket of `caller`. `None` if that is not possible.
    pub fn sign(&self, caller: &Caller, grant: &StreamGrant, now: Timestamp) -> Option<String> {
        let keys = self.0.as_ref()?;
        let lifetime = i64::try_from(TICKET_LIFETIME.as_secs()).ok()?;
        let claims = Claims {
            aud: AUDIENCE.to_owned(),
            exp: now.as_second() + lifetime,
            sub: caller.subject().to_owned(),
            scope: caller.scopes().to_string(),
            user: grant.user.as_uuid(),
            own: grant.reader == PayloadReader::TargetUser,
            until: grant.until.map(Timestamp::as_second),
            sid: grant.session.map(SessionId::as_uuid),
        };
        encode(&Header::new(Algorithm::HS256), &claims, &keys.encoding).ok()
    }

    /// Returns the caller and the right that a valid ticket grants.
    pub fn verify(&self, ticket: &str) -> Option<(Caller, StreamGrant)> {
        let keys = self.0.as_ref()?;
        let claims: Claims = decode(ticket, &keys.decoding, &keys.validation)
            .ok()?
            .claims;
        let until = match claims.until {
            Some(until) => Some(Timestamp::from_second(until).ok()?),
            None => None,
        };
        let grant = StreamGrant {
            user: claims.user.into(),
            reader: if claims.own {
                PayloadReader::TargetUser
            } else {
                PayloadReader::Other
            },
            until,
            session: claims.sid.map(Into::into),
            key: ApiKeyId::of_subject(&claims.sub),
        };
        let scopes = Scopes::of_claim(&claims.scope);
        Some((Caller::new(&claims.sub, scopes).expiring(until), grant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickets(secret: &str) -> Tickets {
        Tickets::new(Some(&secret.into()))
    }

    #[test]
    fn a_ticket_opens_a_stream_for_half_a_minute() {
        let (ours, now) = (tickets("4f9c1b7e2a8d6053"), Timestamp::now());
        let caller = Caller::new("orders", Scopes::of_claim("inbox"));
        let grant = StreamGrant {
            user: Uuid::now_v7().into(),
            reader: PayloadReader::TargetUser,
            until: Some(Timestamp::from_second(now.as_second() + 600).expect("a time")),
            session: Some(Uuid::now_v7().into()),
            key: None,
        };
        let ticket = ours.sign(&caller, &grant, now).expect("a ticket");
        let (again, granted) = ours.verify(&ticket).expect("valid");
        assert_eq!((again.subject(), granted), ("orders", grant));
        assert!(tickets("another").verify(&ticket).is_none());
        assert!(ours.verify(&ticket[1..]).is_none() && ours.verify("").is_none());
        let long_ago = Timestamp::from_second(now.as_second() - 40).expect("a time");
        let over = ours.sign(&caller, &grant, long_ago).expect("a ticket");
        assert!(ours.verify(&over).is_none(), "it has expired");
        assert!(Tickets::new(None).sign(&caller, &grant, now).is_none());
    }
}
