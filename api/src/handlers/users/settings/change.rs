use tidings_db::TransactionOptions;
use tidings_db::audit::AuditOrigin;
use tidings_db::user_settings::{
    self, MAX_DIGESTS, SettingsChanges, UpdateSettingsResult, UserSettings,
};
use tidings_domain::category::CategoryName;
use tidings_domain::change::Change;
use tidings_domain::digest::DigestMode;
use tidings_domain::notification::{DeliveredChannel, UserId};

use super::body::parse;
use super::view::SettingsView;
use crate::error::{ApiError, ErrorDetail};
use crate::handlers::preferences::claim_wait;
use crate::handlers::users::path::not_found;
use crate::state::AppState;

/// Changes the settings of a user as the body of a request says. After that, no delivery begins that has not seen quiet hours.
///
/// # Errors
///
/// Returns 400 with everything that is wrong, 404 if the user does not exist, and 503 if the database is unavailable or a
/// delivery does not end that has not seen the change.
pub async fn change(
    state: &AppState,
    origin: &AuditOrigin,
    user: UserId,
    body: &[u8],
) -> Result<SettingsView, ApiError> {
    let changes = parse(body)?;
    let result = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            user_settings::update(transaction, origin, user, &changes).await
        })
        .await?;
    match result {
        UpdateSettingsResult::Updated(settings) | UpdateSettingsResult::Unchanged(settings) => {
            claim_wait::until_seen(state, &held_channels(&settings, &changes)).await?;
            Ok(settings.into())
        }
        UpdateSettingsResult::UnknownCategories(names) => Err(unknown_categories(&names)),
        UpdateSettingsResult::TooFast(modes) => Err(too_fast(&modes)),
        UpdateSettingsResult::TooManyDigests => Err(too_many_digests()),
        UpdateSettingsResult::UnknownUser => Err(not_found()),
    }
}

/// The channels by which something may not be sent any more because of quiet hours that are changed.
fn held_channels(settings: &UserSettings, changes: &SettingsChanges) -> Vec<DeliveredChannel> {
    let changes_nothing = matches!(changes.timezone, Change::Keep)
        && matches!(changes.quiet, Change::Keep)
        && matches!(changes.quiet_channels, Change::Keep);
    if changes_nothing || settings.quiet.is_empty() {
        return Vec::new();
    }
    let held = settings.quiet_channels.names();
    let is_held = |channel: &DeliveredChannel| held.contains(&channel.as_str());
    DeliveredChannel::ALL.into_iter().filter(is_held).collect()
}

fn unknown_categories(names: &[String]) -> ApiError {
    let details = names
        .iter()
        .map(|name| ErrorDetail::new(format!("digests.{name}"), "must be a category that exists"));
    ApiError::bad_request(
        "unknown_category",
        "There is no such category",
        details.collect(),
    )
}

fn too_fast(modes: &[(CategoryName, DigestMode)]) -> ApiError {
    let details = modes.iter().map(|(name, mode)| {
        let wrong = format!("must be {mode}, which is that of the category, or slower");
        ErrorDetail::new(format!("digests.{name}"), wrong)
    });
    ApiError::bad_request(
        "digest_too_fast",
        "Digests cannot be more frequent than those of their category",
        details.collect(),
    )
}

fn too_many_digests() -> ApiError {
    let wrong = format!("must have at most {MAX_DIGESTS} categories, with those that are set");
    let details = vec![ErrorDetail::new("digests", wrong)];
    ApiError::bad_request("invalid_fields", "There are too many categories", details)
}
