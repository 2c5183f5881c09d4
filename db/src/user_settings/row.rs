use std::collections::BTreeMap;

use jiff::civil::Time;
use tidings_domain::category::CategoryName;
use tidings_domain::digest::DigestMode;
use tidings_domain::notification::UserId;
use tidings_domain::time::{QuietChannels, QuietHours, TimeOfDay};
use tokio_postgres::Row;

use crate::GenericClient;
use crate::error::DbError;

/// What a user has set, with the defaults of everything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSettings {
    /// A name of the IANA time zone database.
    pub timezone: Option<String>,
    /// A language (BCP 47).
    pub locale: Option<String>,
    /// The quiet hours, in the time zone.
    pub quiet: QuietHours,
    /// The channels that they hold.
    pub quiet_channels: QuietChannels,
    /// When daily and weekly digests are sent.
    pub digest_at: TimeOfDay,
    /// How often the user wants digests, by category.
    pub digests: BTreeMap<CategoryName, DigestMode>,
}

/// When daily and weekly digests are sent, unless the user sets another time.
pub(crate) const DIGEST_AT: TimeOfDay = TimeOfDay::hour(9);

/// Returns the settings of a user; `None` if the user does not exist.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find(
    client: &impl GenericClient,
    user: UserId,
) -> Result<Option<UserSettings>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT timezone, locale, quiet::text AS quiet, quiet_channels, digest_at, digests::text AS digests
             FROM users LEFT JOIN user_settings ON user_settings.user_id = users.id
             WHERE users.id = $1",
        )
        .await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    Ok(row.as_ref().map(UserSettings::from))
}

/// Values that a newer version or SQL has stored, and that this version cannot read, count as absent.
impl From<&Row> for UserSettings {
    fn from(row: &Row) -> Self {
        let quiet: Option<&str> = row.get("quiet");
        let channels: Option<Vec<&str>> = row.get("quiet_channels");
        let digests: Option<&str> = row.get("digests");
        Self {
            timezone: row.get("timezone"),
            locale: row.get("locale"),
            quiet: quiet.and_then(QuietHours::from_json).unwrap_or_default(),
            quiet_channels: channels
                .and_then(|names| QuietChannels::read(names).ok())
                .unwrap_or_default(),
            digest_at: row
                .get::<_, Option<Time>>("digest_at")
                .map_or(DIGEST_AT, TimeOfDay::from),
            digests: digests.map(digests_of).unwrap_or_default(),
        }
    }
}

fn digests_of(json: &str) -> BTreeMap<CategoryName, DigestMode> {
    let stored: BTreeMap<String, String> = serde_json::from_str(json).unwrap_or_default();
    let digests = stored.iter().filter_map(|(category, mode)| {
        let (category, mode) = (category.parse().ok()?, mode.parse().ok()?);
        Some((category, mode))
    });
    digests.collect()
}
