//! Claims rows for delivery: one worker at a time may deliver a notification.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::try_join;
use jiff::Timestamp;
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{Channel, DeliveredChannel, MessageId, Status, UserId};
use tidings_domain::preference::AddressHash;
use tidings_domain::time::DeliveryWindow;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::claimed_category::ClaimedCategory;
use super::not_claimed::reasons_not_claimed;
use super::preferences::{AddressedNotification, refused_by_addresses, user_refuses};
use crate::error::DbError;
use crate::user_settings::{QUIET_HOURS, UserQuietHours, quiet_hours};
use crate::{GenericClient, sending_switches};

/// In a statement on `notifications`: whether the user of the row is deleted, or will be. While a deletion waits, critical
/// notifications and the recovery e-mails go out.
pub(crate) const USER_IS_GONE: &str = "coalesce(
    (SELECT erased_at IS NOT NULL OR is_deleted
            OR deletion_id IS NOT NULL
               AND NOT EXISTS (SELECT FROM recovery_mails WHERE recovery_mails.message_id = notifications.message_id)
               AND NOT EXISTS (SELECT FROM categories
                               WHERE categories.name = notifications.category AND categories.kind = 'critical')
     FROM users WHERE users.id = notifications.user_id), false)";

/// Identifies one claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseToken(Uuid);

impl LeaseToken {
    /// Creates a token that no other claim has.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }

    pub(crate) const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for LeaseToken {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

/// A wish to deliver a notification.
#[derive(Clone, Copy, Debug)]
pub struct ClaimRequest {
    /// The notification.
    pub id: MessageId,
    /// The message's attempt, counted from 0.
    pub attempt: u32,
    /// The token of the claim. A caller that does not know whether an earlier call was committed repeats it with the
    /// same token: then the claim is its own.
    pub token: LeaseToken,
}

/// A notification that this worker may deliver until the lease ends.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct ClaimedNotification {
    /// Must be given to end the claim.
    pub token: LeaseToken,
    /// The target user; `None` if only the payload names the recipient.
    pub user_id: Option<UserId>,
    /// The user's own e-mail address, if any.
    pub user_email: Option<String>,
    /// The channel; `None` if this version does not know the channel's name.
    pub channel: Option<Channel>,
    /// A JSON object, as text.
    pub payload: String,
    /// Whether the payload must not get into errors or logs.
    pub sensitive: bool,
    /// The category, if any.
    pub category: Option<ClaimedCategory>,
    /// The template that renders the message, if any.
    pub template: Option<TemplateRef>,
    /// When the API accepted it.
    pub created_at: Timestamp,
    /// Since when it could be sent: its acceptance, its time if it was scheduled or held, or its replay.
    pub due_at: Timestamp,
    /// When it may be sent.
    pub window: DeliveryWindow,
    /// The time of the transaction, by the clock of the database.
    pub now: Timestamp,
    /// Whether its sender cancelled it before it was recorded.
    pub is_cancelled: bool,
    /// Whether the user is deleted, or will be and does not get this notification meanwhile.
    pub user_is_gone: bool,
    /// Whether its recipient does not want it.
    pub is_unwanted: bool,
    /// The quiet hours of the user that may hold the notification, if any.
    pub quiet_hours: Option<UserQuietHours>,
    /// How long the notification has been waiting for its destination.
    pub deferred_for: Option<Duration>,
    /// Whether there is a delivery attempt.
    pub has_attempts: bool,
    /// Whether it is the message of a digest, or was the only item of one.
    pub is_of_digest: bool,
}

/// Result of trying to claim a notification for delivery.
#[derive(Clone, Debug)]
pub enum ClaimResult {
    /// This worker has the claim.
    Claimed(Box<ClaimedNotification>),
    /// Another worker, or another copy of the message, has the claim, at most for this long.
    LeasedElsewhere(Duration),
    /// Another copy of the message has already made this attempt, which failed with this error.
    AttemptAlreadyMade(Option<String>),
    /// The notification's status does not allow a delivery now.
    NotDeliverable(Status),
    /// The notification is scheduled for later. A scheduler will publish another message.
    NotDue,
    /// An operator has stopped the channel.
    Stopped,
    /// The row has a status of a newer version.
    UnknownStatus,
    /// The row does not exist.
    RowMissing,
}

/// Claims notifications for `lease`, for the stage that delivers `channel`. Returns one result for each request, in their
/// order. A row that another transaction has locked counts as leased elsewhere, so that no claim waits for others, with one
/// exception: a scheduler that releases the row, which takes milliseconds.
///
/// If `client` is a transaction, none of its claims can commit after a [stop](sending_switches::stop) of the channel.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn claim(
    client: &impl GenericClient,
    channel: DeliveredChannel,
    requests: &[ClaimRequest],
    lease: Duration,
) -> Result<Vec<ClaimResult>, DbError> {
    let mut results = claim_unlocked(client, channel, requests, lease).await?;
    let is_locked = |result: &ClaimResult| matches!(result, ClaimResult::LeasedElsewhere(left) if left.is_zero());
    let locked: Vec<usize> = (0..results.len())
        .filter(|index| is_locked(&results[*index]))
        .collect();
    if !locked.is_empty() {
        let again: Vec<ClaimRequest> = locked.iter().map(|index| requests[*index]).collect();
        wait_for_scheduler(client, &again).await?;
        let second = claim_unlocked(client, channel, &again, lease).await?;
        for (index, result) in locked.into_iter().zip(second) {
            results[index] = result;
        }
    }
    Ok(results)
}

/// Waits until no scheduler releases these rows: the message of a release may arrive before its end. Schedulers wait for no
/// lock, so this cannot deadlock.
async fn wait_for_scheduler(
    client: &impl GenericClient,
    requests: &[ClaimRequest],
) -> Result<(), DbError> {
    let statement = client
        .prepare_cached(
            "SELECT FROM (SELECT id FROM unnest($1::uuid[]) AS wanted (id) ORDER BY id) AS wanted
                    CROSS JOIN LATERAL (
                        SELECT FROM notifications WHERE message_id = wanted.id AND status = 'scheduled' OFFSET 0
                        FOR NO KEY UPDATE) AS found",
        )
        .await?;
    let ids: Vec<Uuid> = requests.iter().map(|one| one.id.as_uuid()).collect();
    client.query(&statement, &[&ids]).await?;
    Ok(())
}

/// Claims the rows that no other transaction has locked.
async fn claim_unlocked(
    client: &impl GenericClient,
    channel: DeliveredChannel,
    requests: &[ClaimRequest],
    lease: Duration,
) -> Result<Vec<ClaimResult>, DbError> {
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    // Rows are locked in the order of their ids, as everywhere, so that no two transactions wait for each other. `OFFSET 0`
    // keeps the look-up by the id apart from the conditions: the index of unfinished rows would be read as a whole.
    let sql = format!(
        "WITH free AS (
                 SELECT message_id, token
                 FROM (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS wanted (id, token, attempt)
                       ORDER BY id) AS wanted
                      CROSS JOIN LATERAL (
                          SELECT message_id, status, retries_attempted, lease_until, lease_token, not_before,
                                 release_until
                          FROM notifications WHERE message_id = wanted.id OFFSET 0
                          FOR NO KEY UPDATE SKIP LOCKED) AS found
                 WHERE (status IN ('pending', 'retrying')
                        OR status = 'scheduled' AND (not_before <= now() OR release_until IS NOT NULL))
                       AND retries_attempted <= attempt
                       -- A claim that is repeated began before the stop.
                       AND (lease_token = token
                            OR NOT EXISTS (SELECT FROM sending_switches WHERE channel IN ('*', $5) AND stopped))
                       AND (lease_until IS NULL OR lease_until <= now() OR lease_token = token)
             )
             UPDATE notifications
             SET lease_token = free.token, lease_until = now() + make_interval(secs => $4),
                 status = CASE status WHEN 'scheduled' THEN 'pending' ELSE status END, release_until = NULL
             FROM free WHERE notifications.message_id = free.message_id
             RETURNING lease_token, user_id,
                       (SELECT email FROM users WHERE users.id = user_id AND email_verified), type, payload::text,
                       template_name, template_locale, created_at,
                       extract(epoch FROM now() - deferred_since)::float8,
                       EXISTS (SELECT FROM delivery_attempts AS attempt
                               WHERE attempt.message_id = notifications.message_id),
                       notifications.not_before, expires_at, now(),
                       EXISTS (SELECT FROM cancellations
                               WHERE cancellations.message_id = notifications.message_id
                                     AND cancellations.sender IN (notifications.sender, '')),
                       coalesce(sensitive, false), {USER_IS_GONE}, category,
                       (SELECT ARRAY[kind, quiet, (throttle IS NOT NULL)::text, unsubscribe::text] FROM categories
                        WHERE categories.name = notifications.category),
                       user_id IS NOT NULL AND {}, {QUIET_HOURS}, digest_id IS NOT NULL,
                       greatest(created_at, notifications.not_before, replayed_at)",
        user_refuses("notifications")
    );
    let statement = client.prepare_cached(&sql).await?;
    let ids: Vec<Uuid> = requests.iter().map(|one| one.id.as_uuid()).collect();
    let tokens: Vec<Uuid> = requests.iter().map(|one| one.token.0).collect();
    let attempts: Vec<i32> = requests.iter().map(number_of).collect();
    let seconds = lease.as_secs_f64();
    // PostgreSQL executes one after the other, without a round trip in between.
    let lock = sending_switches::prepare_lock_for_claims(client).await?;
    let name = channel.as_str();
    let parameters: [&(dyn ToSql + Sync); 5] = [&ids, &tokens, &attempts, &seconds, &name];
    let ((), rows) = try_join(
        sending_switches::lock_for_claims(client, &lock, channel),
        client.query(&statement, &parameters),
    )
    .await?;
    let mut claimed: HashMap<LeaseToken, ClaimedNotification> = rows
        .iter()
        .map(ClaimedNotification::from)
        .map(|claimed| (claimed.token, claimed))
        .collect();
    ask_addresses(client, requests, &mut claimed).await?;
    let mut results: Vec<Option<ClaimResult>> = requests
        .iter()
        .map(|one| claimed.remove(&one.token))
        .map(|claimed| Some(ClaimResult::Claimed(Box::new(claimed?))))
        .collect();
    let missing: Vec<ClaimRequest> = results
        .iter()
        .zip(requests)
        .filter_map(|(result, request)| result.is_none().then_some(*request))
        .collect();
    let mut reasons = reasons_not_claimed(client, channel, &missing)
        .await?
        .into_iter();
    for result in &mut results {
        if result.is_none() {
            *result = reasons.next();
        }
    }
    Ok(results.into_iter().flatten().collect())
}

/// Asks what recipients without an account have chosen. Most batches have none of them, and ask nothing.
async fn ask_addresses(
    client: &impl GenericClient,
    requests: &[ClaimRequest],
    claimed: &mut HashMap<LeaseToken, ClaimedNotification>,
) -> Result<(), DbError> {
    let addressed = |request: &ClaimRequest| {
        let one = claimed.get(&request.token)?;
        let channel = one.channel.filter(|_| one.user_id.is_none())?;
        Some(AddressedNotification {
            id: request.id,
            channel,
            category: one.category.as_ref().map(|category| category.name.as_str()),
            address: AddressHash::of_payload(channel, &one.payload),
        })
    };
    let addressed: Vec<AddressedNotification<'_>> = requests.iter().filter_map(addressed).collect();
    let refused = refused_by_addresses(client, &addressed).await?;
    for request in requests {
        if let Some(one) = claimed.get_mut(&request.token)
            && one.user_id.is_none()
        {
            one.is_unwanted = refused.contains(&request.id);
        }
    }
    Ok(())
}

pub(super) fn number_of(request: &ClaimRequest) -> i32 {
    i32::try_from(request.attempt).unwrap_or(i32::MAX)
}

pub(super) fn seconds_of(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

impl From<&tokio_postgres::Row> for ClaimedNotification {
    /// Converts a row of [`claim`]'s first query.
    fn from(row: &tokio_postgres::Row) -> Self {
        let template = row.get::<_, Option<String>>(5);
        let deferred: Option<f64> = row.get(8);
        let category = ClaimedCategory::read(row.get(16), row.get(17));
        let obeys = category
            .as_ref()
            .is_none_or(ClaimedCategory::obeys_quiet_hours);
        Self {
            token: LeaseToken(row.get(0)),
            user_id: row.get::<_, Option<Uuid>>(1).map(UserId::from),
            user_email: row.get(2),
            channel: row.get::<_, &str>(3).parse().ok(),
            payload: row.get(4),
            template: template.map(|name| TemplateRef {
                name,
                locale: row.get(6),
            }),
            created_at: row.get(7),
            due_at: row.get(21),
            deferred_for: deferred.map(seconds_of),
            has_attempts: row.get(9),
            window: DeliveryWindow {
                not_before: row.get(10),
                expires_at: row.get(11),
            },
            now: row.get(12),
            is_cancelled: row.get(13),
            sensitive: row.get(14),
            user_is_gone: row.get(15),
            is_unwanted: row.get(18),
            quiet_hours: quiet_hours(row.get(19)).filter(|_| obeys),
            is_of_digest: row.get(20),
            category,
        }
    }
}

/// Extends a claim: it ends `lease` from now. Returns whether the claim was still valid.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn renew_lease(
    client: &impl GenericClient,
    id: MessageId,
    token: LeaseToken,
    lease: Duration,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE notifications SET lease_until = now() + make_interval(secs => $3)
             WHERE message_id = $1 AND lease_token = $2 AND status IN ('pending', 'retrying')",
        )
        .await?;
    let seconds = lease.as_secs_f64();
    let changed = client
        .execute(&statement, &[&id.as_uuid(), &token.0, &seconds])
        .await?;
    Ok(changed == 1)
}
