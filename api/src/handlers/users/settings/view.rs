use std::collections::BTreeMap;

use serde::Serialize;
use tidings_db::user_settings::{self, UserSettings};
use tidings_domain::notification::UserId;
use tidings_domain::time::QuietHours;
use utoipa::ToSchema;

use super::body::QuietWindowBody;
use crate::error::ApiError;
use crate::handlers::users::path::not_found;
use crate::state::AppState;

/// The settings of a user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserSettings)]
pub struct SettingsView {
    /// The time zone: a name of the IANA database. Null stands for `DEFAULT_TIMEZONE`.
    #[schema(example = "Europe/Vienna")]
    timezone: Option<String>,
    /// The language (BCP 47).
    #[schema(example = "de-AT")]
    locale: Option<String>,
    /// When the user does not want to be disturbed.
    #[schema(value_type = Vec<QuietWindowBody>)]
    quiet: QuietHours,
    /// The channels whose notifications wait for the end of the quiet hours.
    #[schema(example = json!(["push", "sms"]))]
    quiet_channels: Vec<&'static str>,
    /// When daily and weekly digests are sent, in the time zone of the user.
    #[schema(example = "09:00")]
    digest_at: String,
    /// How often the user wants digests, by category: `off`, `window`, `daily` or `weekly`. The slower of this and
    /// the mode of the category counts.
    #[schema(value_type = BTreeMap<String, String>, example = json!({"news": "daily"}))]
    digests: BTreeMap<String, &'static str>,
}

impl From<UserSettings> for SettingsView {
    fn from(settings: UserSettings) -> Self {
        let digests = settings.digests.into_iter();
        Self {
            timezone: settings.timezone,
            locale: settings.locale,
            quiet: settings.quiet,
            quiet_channels: settings.quiet_channels.names(),
            digest_at: settings.digest_at.to_string(),
            digests: digests
                .map(|(category, mode)| (category.as_str().to_owned(), mode.as_str()))
                .collect(),
        }
    }
}

/// Reads the settings of a user.
///
/// # Errors
///
/// Returns 404 if the user does not exist, and 503 if the database is unavailable.
pub async fn find_settings(state: &AppState, user: UserId) -> Result<SettingsView, ApiError> {
    let found = state
        .database
        .run(async |client| user_settings::find(client, user).await)
        .await?;
    Ok(found.ok_or_else(not_found)?.into())
}
