use jiff::Timestamp;
use serde_json::Value;
use tidings_domain::content::masked_address;
use tidings_domain::notification::{Channel, MessageId, UserId};
use uuid::Uuid;

use super::read::{NotificationRow, find};
use crate::GenericClient;
use crate::delivery_attempts::AttemptRow;
use crate::error::DbError;

/// What else the row of a notification says about its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineRow {
    /// Who posted it, if known.
    pub sender: Option<String>,
    /// Its group.
    pub group: Option<String>,
    /// Why it failed, while it is failed.
    pub failure_reason: Option<String>,
    /// When it failed, while it is failed.
    pub failed_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it was replayed last.
    pub replayed_at: Option<Timestamp>,
    /// When the user read it; in-app only.
    pub read_at: Option<Timestamp>,
    /// Whether it waits for its destination.
    pub is_deferred: bool,
    /// Whether a worker is sending it.
    pub is_sending: bool,
    /// Whether an operator has stopped its channel.
    pub is_stopped: bool,
    /// The e-mail address of the user.
    email: Option<String>,
}

/// Finds a notification and what its row says about its way.
///
/// # Errors
///
/// Returns the error of a query.
pub async fn find_timeline(
    client: &impl GenericClient,
    id: MessageId,
    owner: Option<UserId>,
) -> Result<Option<(NotificationRow, TimelineRow)>, DbError> {
    let Some(row) = find(client, id, owner).await? else {
        return Ok(None);
    };
    let statement = client
        .prepare_cached(
            "SELECT sender, group_key, failure_reason, failed_at, ended_at, replayed_at, read_at,
                    deferred_since IS NOT NULL, coalesce(lease_until > now(), false),
                    EXISTS (SELECT FROM sending_switches WHERE channel IN ('*', type) AND stopped),
                    (SELECT email FROM users WHERE users.id = notifications.user_id)
             FROM notifications WHERE message_id = $1",
        )
        .await?;
    let found = client.query_opt(&statement, &[&id.as_uuid()]).await?;
    Ok(found.map(|found| {
        let timeline = TimelineRow {
            sender: found.get(0),
            group: found.get(1),
            failure_reason: found.get(2),
            failed_at: found.get(3),
            ended_at: found.get(4),
            replayed_at: found.get(5),
            read_at: found.get(6),
            is_deferred: found.get(7),
            is_sending: found.get(8),
            is_stopped: found.get(9),
            email: found.get(10),
        };
        (row, timeline)
    }))
}

/// Returns the address of each attempt, masked: that of the contact, of the payload, or the user's own. `None` if the contact
/// is deleted or the payload erased.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn masked_addresses(
    client: &impl GenericClient,
    row: &NotificationRow,
    timeline: &TimelineRow,
    attempts: &[AttemptRow],
) -> Result<Vec<Option<String>>, DbError> {
    let Ok(channel) = row.r#type.parse::<Channel>() else {
        return Ok(vec![None; attempts.len()]);
    };
    let contacts: Vec<Uuid> = attempts.iter().filter_map(|one| one.contact_id).collect();
    let statement = client
        .prepare_cached(
            "SELECT id, number FROM phone_numbers WHERE id = ANY ($1)
             UNION ALL SELECT id, token FROM device_tokens WHERE id = ANY ($1)
             UNION ALL SELECT id, url FROM webhook_endpoints WHERE id = ANY ($1)",
        )
        .await?;
    let found = if contacts.is_empty() {
        Vec::new()
    } else {
        client.query(&statement, &[&contacts]).await?
    };
    let own = own_address(channel, row, timeline);
    let address = |attempt: &AttemptRow| match attempt.contact_id {
        Some(contact) => {
            let mut found = found.iter();
            let its = found.find(|one| one.get::<_, Uuid>(0) == contact)?;
            Some(its.get::<_, String>(1))
        }
        None => own.clone(),
    };
    let addresses = attempts.iter().map(address);
    Ok(addresses
        .map(|address| address.map(|address| masked_address(channel, &address)))
        .collect())
}

/// The address that the payload names, or the e-mail address of the user.
fn own_address(channel: Channel, row: &NotificationRow, timeline: &TimelineRow) -> Option<String> {
    let payload: Value = serde_json::from_str(&row.payload).unwrap_or_default();
    let named = ["to", "phoneNumber"].into_iter();
    let mut named = named.filter_map(|name| payload[name].as_str());
    let email = || {
        let is_email = channel == Channel::Email;
        timeline.email.clone().filter(|_| is_email)
    };
    named.next().map(str::to_owned).or_else(email)
}
