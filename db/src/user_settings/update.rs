use std::collections::BTreeMap;

use jiff::civil::Time;
use tidings_domain::category::CategoryName;
use tidings_domain::change::Change;
use tidings_domain::digest::DigestMode;
use tidings_domain::notification::UserId;
use tidings_domain::time::{QuietChannels, QuietHours, TimeOfDay, Timezone};
use tidings_templates::Locale;

use super::row::{DIGEST_AT, UserSettings, find};
use crate::Transaction;
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;
use crate::users;

/// The maximum number of categories for which a user chooses a digest.
pub const MAX_DIGESTS: usize = 100;

/// Changes of settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsChanges {
    /// The time zone.
    pub timezone: Change<Timezone>,
    /// The language.
    pub locale: Change<Locale>,
    /// The quiet hours.
    pub quiet: Change<QuietHours>,
    /// The channels that they hold. None stands for the default.
    pub quiet_channels: Change<QuietChannels>,
    /// When daily and weekly digests are sent. None stands for the default.
    pub digest_at: Change<TimeOfDay>,
    /// How often the user wants digests.
    pub digests: DigestChanges,
}

/// Changes of how often a user wants digests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DigestChanges {
    /// They stay as they are.
    #[default]
    Keep,
    /// The user chooses nothing.
    Clear,
    /// These categories change, and the others stay. `None` chooses nothing for a category.
    Merge(BTreeMap<CategoryName, Option<DigestMode>>),
}

/// The result of [`update`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateSettingsResult {
    /// The settings after the changes.
    Updated(UserSettings),
    /// The settings were so before.
    Unchanged(UserSettings),
    /// Nothing has changed: there are no such categories.
    UnknownCategories(Vec<String>),
    /// Nothing has changed: these categories have a slower mode than the one that was chosen.
    TooFast(Vec<(CategoryName, DigestMode)>),
    /// Nothing has changed: there would be more than [`MAX_DIGESTS`].
    TooManyDigests,
    /// The user does not exist.
    UnknownUser,
}

/// Changes the settings of a user. Unless the user does this, records it in the audit log.
///
/// Locks the row of the user until the transaction ends. What waits for the end of the user's quiet hours becomes due, so
/// that it is decided again: a trigger does this.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn update(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    user: UserId,
    changes: &SettingsChanges,
) -> Result<UpdateSettingsResult, DbError> {
    if !users::lock(transaction, user).await? {
        return Ok(UpdateSettingsResult::UnknownUser);
    }
    let Some(before) = find(transaction, user).await? else {
        return Ok(UpdateSettingsResult::UnknownUser);
    };
    let chosen = chosen(&changes.digests);
    let modes = modes_of_categories(transaction, &chosen).await?;
    let unknown = chosen.keys().filter(|name| !modes.contains_key(**name));
    let unknown: Vec<String> = unknown.map(ToString::to_string).collect();
    if !unknown.is_empty() {
        return Ok(UpdateSettingsResult::UnknownCategories(unknown));
    }
    let too_fast = modes
        .into_iter()
        .filter(|(name, mode)| chosen.get(name).is_some_and(|chosen| chosen < mode));
    let too_fast: Vec<_> = too_fast.collect();
    if !too_fast.is_empty() {
        return Ok(UpdateSettingsResult::TooFast(too_fast));
    }
    let after = changed(&before, changes);
    if after.digests.len() > MAX_DIGESTS {
        return Ok(UpdateSettingsResult::TooManyDigests);
    }
    if after == before {
        return Ok(UpdateSettingsResult::Unchanged(after));
    }
    write(transaction, user, &before, &after).await?;
    if !origin.is_user(user) {
        let entry = origin
            .entry(Action::UserSettings)
            .on(TargetKind::User, user)
            .with("changed", changed_fields(&before, &after));
        audit::record(transaction, &entry).await?;
    }
    Ok(UpdateSettingsResult::Updated(after))
}

/// The modes that are chosen, by category.
fn chosen(changes: &DigestChanges) -> BTreeMap<&CategoryName, DigestMode> {
    let DigestChanges::Merge(changes) = changes else {
        return BTreeMap::new();
    };
    let chosen = changes.iter();
    chosen
        .filter_map(|(name, mode)| Some((name, (*mode)?)))
        .collect()
}

/// The modes of the categories that are chosen for and exist.
async fn modes_of_categories(
    transaction: &Transaction<'_>,
    chosen: &BTreeMap<&CategoryName, DigestMode>,
) -> Result<BTreeMap<CategoryName, DigestMode>, DbError> {
    if chosen.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names: Vec<&str> = chosen.keys().map(|name| name.as_str()).collect();
    let statement = transaction
        .prepare_cached("SELECT name, digest ->> 'mode' FROM categories WHERE name = ANY ($1)")
        .await?;
    let rows = transaction.query(&statement, &[&names]).await?;
    let modes = rows.iter().filter_map(|row| {
        let mode = row.get::<_, Option<&str>>(1);
        // A mode that this version does not know cannot be compared.
        let mode = mode.and_then(|mode| mode.parse().ok());
        let name = row.get::<_, &str>(0).parse().ok()?;
        Some((name, mode.unwrap_or(DigestMode::Off)))
    });
    Ok(modes.collect())
}

fn changed(before: &UserSettings, changes: &SettingsChanges) -> UserSettings {
    let mut digests = before.digests.clone();
    match &changes.digests {
        DigestChanges::Keep => {}
        DigestChanges::Clear => digests.clear(),
        DigestChanges::Merge(changes) => {
            for (category, mode) in changes {
                match mode {
                    Some(mode) => digests.insert(category.clone(), *mode),
                    None => digests.remove(category),
                };
            }
        }
    }
    UserSettings {
        timezone: match &changes.timezone {
            Change::Keep => before.timezone.clone(),
            Change::Set(zone) => zone.as_ref().map(|zone| zone.name().to_owned()),
        },
        locale: match &changes.locale {
            Change::Keep => before.locale.clone(),
            Change::Set(locale) => locale.as_ref().map(|locale| locale.as_str().to_owned()),
        },
        quiet: value(&changes.quiet, &before.quiet).unwrap_or_default(),
        quiet_channels: value(&changes.quiet_channels, &before.quiet_channels).unwrap_or_default(),
        digest_at: value(&changes.digest_at, &before.digest_at).unwrap_or(DIGEST_AT),
        digests,
    }
}

/// The value after a change; `None` stands for the default.
fn value<T: Clone>(change: &Change<T>, before: &T) -> Option<T> {
    change.of(Some(before.clone()))
}

/// The names of the fields that differ.
fn changed_fields(before: &UserSettings, after: &UserSettings) -> Vec<&'static str> {
    let all = [
        ("timezone", before.timezone != after.timezone),
        ("locale", before.locale != after.locale),
        ("quiet", before.quiet != after.quiet),
        (
            "quietChannels",
            before.quiet_channels != after.quiet_channels,
        ),
        ("digestAt", before.digest_at != after.digest_at),
        ("digests", before.digests != after.digests),
    ];
    let changed = all.into_iter().filter(|(_, differs)| *differs);
    changed.map(|(name, _)| name).collect()
}

/// Writes the tables that change. Always locks `users` before `user_settings`.
async fn write(
    transaction: &Transaction<'_>,
    user: UserId,
    before: &UserSettings,
    after: &UserSettings,
) -> Result<(), DbError> {
    if (&before.timezone, &before.locale) != (&after.timezone, &after.locale) {
        let statement = transaction
            .prepare_cached("UPDATE users SET timezone = $2, locale = $3 WHERE id = $1")
            .await?;
        let values = [&after.timezone, &after.locale];
        transaction
            .execute(&statement, &[&user.as_uuid(), values[0], values[1]])
            .await?;
    }
    let of_users = UserSettings {
        timezone: after.timezone.clone(),
        locale: after.locale.clone(),
        ..before.clone()
    };
    if of_users == *after {
        return Ok(());
    }
    let statement = transaction
        .prepare_cached(
            "INSERT INTO user_settings (user_id, quiet, quiet_channels, digest_at, digests)
             VALUES ($1, $2::text::jsonb, $3, $4, $5::text::jsonb)
             ON CONFLICT (user_id) DO UPDATE
             SET quiet = excluded.quiet, quiet_channels = excluded.quiet_channels, digest_at = excluded.digest_at,
                 digests = excluded.digests, updated_at = now()",
        )
        .await?;
    let quiet = (!after.quiet.is_empty()).then(|| serde_json::json!(after.quiet).to_string());
    let digests: BTreeMap<&str, &str> = after
        .digests
        .iter()
        .map(|(category, mode)| (category.as_str(), mode.as_str()))
        .collect();
    let digests = serde_json::json!(digests).to_string();
    transaction
        .execute(
            &statement,
            &[
                &user.as_uuid(),
                &quiet,
                &after.quiet_channels.names(),
                &Time::from(after.digest_at),
                &digests,
            ],
        )
        .await?;
    Ok(())
}
