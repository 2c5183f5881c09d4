//! Which rule made a notification wait or kept it from being sent, as far as the tables still tell.

use jiff::Timestamp;
use tidings_domain::decision::{HoldReason, SuppressReason};
use tidings_domain::notification::{Channel, Status};
use tidings_domain::preference::{AddressHash, Because, Recipient};

use super::NotificationRow;
use super::slots::COUNTS;
use crate::error::DbError;
use crate::preferences::{self, PreferenceRow};
use crate::{GenericClient, categories};

/// The rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithheldBy {
    /// What the recipient has chosen. `None` if the recipient has chosen otherwise since.
    Preferences(Option<PreferenceRow>),
    /// The category says so for recipients who have chosen nothing.
    CategoryDefault,
    /// The limit of the category.
    Throttle,
    /// `USER_LIMITS`.
    UserLimits,
}

/// Finds the rule that the reason of a row stands for; `None` if the reason says all.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn withheld_by(
    client: &impl GenericClient,
    row: &NotificationRow,
) -> Result<Option<WithheldBy>, DbError> {
    let status = row.status.parse::<Status>().ok();
    let reason = row.reason.as_deref();
    let is = |wanted, name| status == Some(wanted) && reason == Some(name);
    if is(Status::Suppressed, SuppressReason::Preference.as_str()) {
        return by_preference(client, row).await.map(Some);
    }
    let is_throttled = is(Status::Suppressed, SuppressReason::Throttled.as_str())
        || is(Status::Scheduled, HoldReason::Throttled.as_str());
    if !is_throttled {
        return Ok(None);
    }
    let is_full = is_category_full(client, row).await?;
    Ok(Some(if is_full {
        WithheldBy::Throttle
    } else {
        WithheldBy::UserLimits
    }))
}

async fn by_preference(
    client: &impl GenericClient,
    row: &NotificationRow,
) -> Result<WithheldBy, DbError> {
    let unknown = WithheldBy::Preferences(None);
    let Ok(channel) = row.r#type.parse::<Channel>() else {
        return Ok(unknown);
    };
    let address = || AddressHash::of_payload(channel, &row.payload).map(Recipient::Address);
    let recipient = row.user_id.map(Recipient::User).or_else(address);
    let chosen = match recipient {
        Some(recipient) => preferences::list(client, recipient).await?,
        None => Vec::new(),
    };
    let name = row.category.as_deref().and_then(|name| name.parse().ok());
    let category = match name {
        Some(name) => categories::find(client, &name).await?,
        None => None,
    };
    let ended_at = ended_at(client, row).await?;
    // What was chosen after the end has not decided.
    let chosen: Vec<PreferenceRow> = chosen
        .into_iter()
        .filter(|choice| ended_at.is_none_or(|end| choice.updated_at <= end))
        .collect();
    let cell = preferences::cell(category.as_ref(), channel, &chosen);
    Ok(match (cell.effective.enabled, cell.effective.because) {
        (false, Because::Default) => WithheldBy::CategoryDefault,
        (false, Because::Choice(_)) => WithheldBy::Preferences(cell.choice.cloned()),
        _ => unknown,
    })
}

async fn ended_at(
    client: &impl GenericClient,
    row: &NotificationRow,
) -> Result<Option<Timestamp>, DbError> {
    let statement = client
        .prepare_cached("SELECT ended_at FROM notifications WHERE message_id = $1")
        .await?;
    let found = client
        .query_opt(&statement, &[&row.message_id.as_uuid()])
        .await?;
    Ok(found.and_then(|row| row.get(0)))
}

/// Whether the limit of the category was reached when the row ended or, if it waits, is now. Other notifications of the
/// category count as in `take_slots`.
async fn is_category_full(
    client: &impl GenericClient,
    row: &NotificationRow,
) -> Result<bool, DbError> {
    let sql = format!(
        "SELECT count(*) >= (throttle ->> 'limit')::bigint
         FROM notifications AS this
              JOIN categories ON categories.name = this.category AND throttle IS NOT NULL
              JOIN notifications AS other ON other.user_id = this.user_id AND other.type = this.type
                                             AND other.category = this.category
         WHERE this.message_id = $1
               AND other.slot_at <= coalesce(this.ended_at, now())
               AND other.slot_at > coalesce(this.ended_at, now())
                                   - make_interval(secs => (throttle ->> 'windowSecs')::float8)
               AND (throttle ->> 'key' IS NULL
                    OR other.payload -> (throttle ->> 'key') IS NOT DISTINCT FROM this.payload -> (throttle ->> 'key'))
               AND (this.status = 'scheduled' OR other.status = 'processed') AND {COUNTS}
         GROUP BY throttle"
    );
    let statement = client.prepare_cached(&sql).await?;
    let found = client
        .query_opt(&statement, &[&row.message_id.as_uuid()])
        .await?;
    Ok(found.is_some_and(|row| row.get(0)))
}
