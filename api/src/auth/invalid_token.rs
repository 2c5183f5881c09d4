use jsonwebtoken::errors::ErrorKind;

use crate::accounts::InvalidUserToken;

/// Why a token is invalid, for the log. No variant contains the token or the value of a claim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// The text is not a JWT, or its algorithm is unknown.
    #[error("is not a JWT with a known algorithm")]
    Malformed,
    /// `JWT_ALGORITHM` does not name the algorithm, or its key is missing.
    #[error("is signed with an algorithm that JWT_ALGORITHM does not name")]
    Algorithm,
    /// The header has the parameter `crit`. A recipient must refuse extensions that it does not understand, and
    /// Tidings understands none (RFC 7515 §4.1.11).
    #[error("has the header crit, and no critical extension is supported")]
    CriticalHeader,
    /// The signature does not match.
    #[error("has a wrong signature")]
    Signature,
    /// `exp` is over.
    #[error("has expired")]
    Expired,
    /// `nbf` has not come.
    #[error("is not valid yet (nbf)")]
    NotYetValid,
    /// `iss` is not `JWT_ISSUER`.
    #[error("has another issuer (iss) than JWT_ISSUER")]
    Issuer,
    /// `aud` does not contain `JWT_AUDIENCE`.
    #[error("has another audience (aud) than JWT_AUDIENCE")]
    Audience,
    /// A required claim is missing.
    #[error("lacks the claim {0}")]
    MissingClaim(String),
    /// A claim has a wrong type, or the claims are not a JSON object.
    #[error("has a claim of a wrong type, or one claim twice")]
    WrongType,
    /// `scope` is null. An issuer that writes null has not decided about rights, so the token grants none.
    #[error("has the claim scope with the value null")]
    NullScope,
    /// The token has no `scope`, but another claim that issuers use for rights. Without this check, the rights would
    /// be ignored and the token would count as one without scopes.
    #[error("states its rights in the claim {0:?}; only scope (a string) is read")]
    RightsElsewhere(String),
    /// The subject is that of an API key, or of a session of the dashboard. Its holder would own the notifications, schedules and
    /// idempotency keys of that caller.
    #[error(
        "has a subject that begins with key: or dashboard:, which only API keys and sessions of the dashboard have"
    )]
    ReservedSubject,
    /// The token names the key of users' tokens.
    #[error(transparent)]
    User(InvalidUserToken),
    /// Any other error of the library.
    #[error("cannot be verified")]
    Unverifiable,
}

impl From<jsonwebtoken::errors::Error> for InvalidToken {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        match error.into_kind() {
            ErrorKind::InvalidToken | ErrorKind::Base64(_) | ErrorKind::Utf8(_) => Self::Malformed,
            ErrorKind::InvalidAlgorithm => Self::Algorithm,
            ErrorKind::InvalidSignature => Self::Signature,
            ErrorKind::ExpiredSignature => Self::Expired,
            ErrorKind::ImmatureSignature => Self::NotYetValid,
            ErrorKind::InvalidIssuer => Self::Issuer,
            ErrorKind::InvalidAudience => Self::Audience,
            ErrorKind::MissingRequiredClaim(name) => Self::MissingClaim(name),
            ErrorKind::Json(_) | ErrorKind::InvalidClaimFormat(_) => Self::WrongType,
            _ => Self::Unverifiable,
        }
    }
}
