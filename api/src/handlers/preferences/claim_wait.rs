//! Waits until no delivery begins any more that has not seen a change of a user.

use std::time::Duration;

use tidings_db::notifications::wait_for_claims;
use tidings_db::user_settings::wait_for_timezone_claims;
use tidings_domain::notification::{DeliveredChannel, UserId};

use crate::error::ApiError;
use crate::state::AppState;

/// How long a request waits for claims that have not seen its change. They take milliseconds.
const LIMIT: Duration = Duration::from_secs(5);

/// Waits for the claims of these channels that may not have seen what was committed before. Must also be called if a request
/// has changed nothing: an earlier one may have failed while it waited.
///
/// # Errors
///
/// Returns 503 if they do not end in time.
pub async fn until_seen(state: &AppState, channels: &[DeliveredChannel]) -> Result<(), ApiError> {
    check(wait_for_claims(&state.database, channels, LIMIT).await?)
}

/// Waits for the claims that may have decided by a former time zone of these users, as [`until_seen`] does.
///
/// # Errors
///
/// Returns 503 if they do not end in time.
pub async fn until_timezone_seen(state: &AppState, users: &[UserId]) -> Result<(), ApiError> {
    check(wait_for_timezone_claims(&state.database, users, LIMIT).await?)
}

fn check(have_ended: bool) -> Result<(), ApiError> {
    if have_ended {
        return Ok(());
    }
    let message = "The change is stored, but a worker that does not respond may still send what it was about to claim; repeat the request";
    Err(ApiError::unavailable(
        "change_not_complete",
        message,
        "claims have not ended",
    ))
}
