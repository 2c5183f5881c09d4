//! Which rule made a notification wait or kept it from being sent, as far as the tables still tell.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use tidings_domain::decision::{HoldReason, SuppressReason};
use tidings_domain::notification::{Channel, MessageId, Status};
use tidings_domain::preference::{AddressHash, Because, Recipient};
use uuid::Uuid;

use super::NotificationRow;
use super::slots::COUNTS;
use crate::GenericClient;
use crate::categories::{self, CategoryRow};
use crate::error::DbError;
use crate::preferences::{self, PreferenceRow};

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

/// Finds the rules that the reasons of rows stand for. Rows whose reason says all are left out.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn withheld_by(
    client: &impl GenericClient,
    rows: &[NotificationRow],
) -> Result<HashMap<MessageId, WithheldBy>, DbError> {
    let of = |is_wanted: fn(&NotificationRow) -> bool| {
        let rows = rows.iter().filter(|row| is_wanted(row));
        rows.collect::<Vec<&NotificationRow>>()
    };
    let mut rules = by_preference(client, &of(is_unwanted)).await?;
    let throttled = of(is_throttled);
    let full = with_full_category(client, &throttled).await?;
    rules.extend(throttled.iter().map(|row| {
        let rule = if full.contains(&row.message_id) {
            WithheldBy::Throttle
        } else {
            WithheldBy::UserLimits
        };
        (row.message_id, rule)
    }));
    Ok(rules)
}

fn is(row: &NotificationRow, status: Status, reason: &str) -> bool {
    row.status == status.as_str() && row.reason.as_deref() == Some(reason)
}

fn is_unwanted(row: &NotificationRow) -> bool {
    is(row, Status::Suppressed, SuppressReason::Preference.as_str())
}

fn is_throttled(row: &NotificationRow) -> bool {
    is(row, Status::Suppressed, SuppressReason::Throttled.as_str())
        || is(row, Status::Scheduled, HoldReason::Throttled.as_str())
}

async fn by_preference(
    client: &impl GenericClient,
    rows: &[&NotificationRow],
) -> Result<HashMap<MessageId, WithheldBy>, DbError> {
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let recipients: Vec<Option<Recipient>> = rows.iter().map(|row| recipient(row)).collect();
    let distinct: HashSet<Recipient> = recipients.iter().flatten().copied().collect();
    let distinct: Vec<Recipient> = distinct.into_iter().collect();
    let chosen = preferences::list_all(client, &distinct).await?;
    let names: HashSet<&str> = rows
        .iter()
        .filter_map(|row| row.category.as_deref())
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    let categories = categories::find_all(client, &names).await?;
    let ended_at = ended_at(client, rows).await?;
    let rules = rows.iter().zip(recipients).map(|(row, recipient)| {
        let chosen = recipient.and_then(|recipient| chosen.get(&recipient));
        let ended_at = ended_at.get(&row.message_id);
        // What was chosen after the end has not decided.
        let chosen: Vec<PreferenceRow> = chosen
            .into_iter()
            .flatten()
            .filter(|choice| ended_at.is_none_or(|end| choice.updated_at <= *end))
            .cloned()
            .collect();
        let name = row.category.as_deref();
        let category = categories
            .iter()
            .find(|category| Some(category.name.as_str()) == name);
        (row.message_id, rule(row, category, &chosen))
    });
    Ok(rules.collect())
}

fn recipient(row: &NotificationRow) -> Option<Recipient> {
    let address = || {
        let hash = AddressHash::of_payload(row.r#type.parse().ok()?, &row.payload)?;
        Some(Recipient::Address(hash))
    };
    row.user_id.map(Recipient::User).or_else(address)
}

/// What keeps a notification from a recipient who has chosen so.
fn rule(
    row: &NotificationRow,
    category: Option<&CategoryRow>,
    chosen: &[PreferenceRow],
) -> WithheldBy {
    let unknown = WithheldBy::Preferences(None);
    let Ok(channel) = row.r#type.parse::<Channel>() else {
        return unknown;
    };
    let cell = preferences::cell(category, channel, chosen);
    match (cell.effective.enabled, cell.effective.because) {
        (false, Because::Default) => WithheldBy::CategoryDefault,
        (false, Because::Choice(_)) => WithheldBy::Preferences(cell.choice.cloned()),
        _ => unknown,
    }
}

/// When the rows ended, unless they have not.
async fn ended_at(
    client: &impl GenericClient,
    rows: &[&NotificationRow],
) -> Result<HashMap<MessageId, Timestamp>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT message_id, ended_at FROM notifications WHERE message_id = ANY ($1) AND ended_at IS NOT NULL",
        )
        .await?;
    let found = client.query(&statement, &[&ids(rows)]).await?;
    let ended = found
        .iter()
        .map(|row| (row.get::<_, Uuid>(0).into(), row.get(1)));
    Ok(ended.collect())
}

/// Those of these rows for which the limit of their category was reached when they ended or, if they wait, is now. Other
/// notifications of the category count as in `take_slots`.
async fn with_full_category(
    client: &impl GenericClient,
    rows: &[&NotificationRow],
) -> Result<HashSet<MessageId>, DbError> {
    if rows.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = format!(
        "SELECT this.message_id
         FROM notifications AS this
              JOIN categories ON categories.name = this.category AND throttle IS NOT NULL
         WHERE this.message_id = ANY ($1)
               AND (throttle ->> 'limit')::bigint <= (
                   SELECT count(*)
                   FROM notifications AS other
                   WHERE other.user_id = this.user_id AND other.type = this.type AND other.category = this.category
                         AND other.slot_at <= coalesce(this.ended_at, now())
                         AND other.slot_at > coalesce(this.ended_at, now())
                                             - make_interval(secs => (throttle ->> 'windowSecs')::float8)
                         AND (throttle ->> 'key' IS NULL
                              OR other.payload -> (throttle ->> 'key')
                                 IS NOT DISTINCT FROM this.payload -> (throttle ->> 'key'))
                         AND (this.status = 'scheduled' OR other.status = 'processed') AND {COUNTS}
               )"
    );
    let statement = client.prepare_cached(&sql).await?;
    let found = client.query(&statement, &[&ids(rows)]).await?;
    let full = found.iter().map(|row| row.get::<_, Uuid>(0).into());
    Ok(full.collect())
}

fn ids(rows: &[&NotificationRow]) -> Vec<Uuid> {
    rows.iter().map(|row| row.message_id.as_uuid()).collect()
}
