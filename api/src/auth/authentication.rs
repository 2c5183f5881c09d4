//! Finds the caller in the headers of a request, whatever its protocol: HTTP headers and gRPC metadata.

use super::credential::{Credential, credential};
use super::keys::ApiKeys;
use super::{Caller, InvalidToken, Verifier};
use crate::accounts::InvalidUserToken;
use crate::error::ApiError;

/// Returns the caller that the credential of a request names. `values` returns the values of all headers with a name.
///
/// # Errors
///
/// Returns 401 if there is no valid credential, or more than one, and 503 if this cannot be known now.
pub async fn authenticate<'a>(
    verifier: &Verifier,
    keys: &ApiKeys,
    values: impl Fn(&'static str) -> Vec<&'a [u8]>,
    request_id: &str,
) -> Result<Caller, ApiError> {
    match credential(values)? {
        Credential::Token(token) => verify(verifier, token, request_id),
        Credential::Key(text) => keys.outcome(text, request_id).await.caller(),
    }
}

/// Verifies a token.
///
/// # Errors
///
/// Returns 401 if the token is not valid. Only the log says why: the sender of a forged token learns nothing from trying.
pub fn verify(verifier: &Verifier, token: &str, request_id: &str) -> Result<Caller, ApiError> {
    verifier.verify(token).map_err(|reason| {
        tracing::info!(request_id, %reason, "token refused");
        if reason == InvalidToken::User(InvalidUserToken::SessionsUnknown) {
            let message = "It is not known yet which sessions have ended; try again";
            return ApiError::unavailable("auth_unavailable", message, reason);
        }
        ApiError::unauthorized(
            "The token is not valid: check its signature, algorithm, expiry, user and scope (a string)",
        )
    })
}
