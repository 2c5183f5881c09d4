use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tidings_broker::Backoff;
use tidings_db::inbox::{self, InboxNews, SeenPosition, UNREAD_CAP};
use tidings_db::notifications::PayloadReader;
use tidings_db::{Database, DbError};
use tidings_domain::notification::UserId;
use tidings_domain::time::Timezone;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::event;
use super::hub::Hub;
use super::queue::StreamQueue;

/// How long a wake waits for others.
const COALESCE: Duration = Duration::from_millis(50);

/// How many users a statement looks at. With fewer, the statements of a look take longer for the same users; with more, the
/// first users wait for the last.
const USERS_AT_ONCE: usize = 64;

/// How many users a statement counts for.
const COUNTED_AT_ONCE: usize = 256;

/// How to look.
#[derive(Clone, Debug)]
pub(super) struct LookSettings {
    /// Time between two looks at all inboxes that have a stream. They find what no wake has announced.
    pub(super) poll: Duration,
    /// The time zone of users who have set none.
    pub(super) timezone: Timezone,
}

/// Looks for what is new in the inboxes of users that have a stream. Never ends.
pub(super) async fn run(hub: Arc<Hub>, database: Database, settings: LookSettings) {
    let mut poll = interval(settings.poll);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut backoff = Backoff::new();
    loop {
        let is_poll = tokio::select! {
            () = hub.until_woken() => false,
            _ = poll.tick() => true,
            () = hub.until_poll_now() => true,
        };
        if !is_poll {
            sleep(COALESCE).await;
        }
        match look(&hub, &database, &settings.timezone, is_poll).await {
            Ok(()) => backoff.reset(),
            Err(error) => {
                tracing::warn!(%error, "inboxes cannot be read; trying again");
                backoff.pause().await;
                hub.poll_now();
            }
        }
    }
}

async fn look(
    hub: &Hub,
    database: &Database,
    timezone: &Timezone,
    is_poll: bool,
) -> Result<(), DbError> {
    if is_poll {
        find_changed(hub, database).await?;
    }
    let woken = hub.take_woken();
    for (nth, part) in woken.chunks(USERS_AT_ONCE).enumerate() {
        let found = inbox::news(database, part).await;
        let (news, position) = found.inspect_err(|_| {
            let rest = woken[nth * USERS_AT_ONCE..].iter();
            let users: Vec<UserId> = rest.map(|(user, _)| *user).collect();
            hub.wake(&users);
        })?;
        for (user, before) in part {
            let news = news.get(user);
            deliver(hub, *user, news, timezone, before, &position);
        }
    }
    if is_poll {
        count_again(hub, database).await?;
    }
    Ok(())
}

/// Sends the counts of users some of whose notifications have expired, which changes no row.
async fn count_again(hub: &Hub, database: &Database) -> Result<(), DbError> {
    let users = hub.users_with_expired(Timestamp::now());
    for part in users.chunks(COUNTED_AT_ONCE) {
        let counts = database
            .run(async |client| inbox::count_unread(client, part, UNREAD_CAP).await)
            .await?;
        for (user, unread) in counts {
            if let Ok(counts) = event::counts(unread) {
                for queue in hub.queues(user) {
                    queue.push(std::slice::from_ref(&counts), None);
                }
            }
            hub.set_next_expiry(user, unread.next_expiry);
        }
    }
    Ok(())
}

/// Wakes all users whose inboxes have changed.
async fn find_changed(hub: &Hub, database: &Database) -> Result<(), DbError> {
    let positions = hub.positions();
    if positions.is_empty() {
        return Ok(());
    }
    let (changed, position) = inbox::users_with_news(database, &positions).await?;
    let is_changed: std::collections::HashSet<UserId> = changed.iter().copied().collect();
    let users = positions.iter().map(|(user, _)| *user);
    let unchanged: Vec<UserId> = users.filter(|user| !is_changed.contains(user)).collect();
    hub.nothing_until(&unchanged, &position);
    hub.wake(&changed);
    Ok(())
}

fn deliver(
    hub: &Hub,
    user: UserId,
    news: Option<&InboxNews>,
    timezone: &Timezone,
    before: &SeenPosition,
    position: &SeenPosition,
) {
    let queues = hub.queues(user);
    let Some(news) = news.filter(|news| has_any(news)) else {
        hub.nothing_until(&[user], position);
        return;
    };
    for reader in [PayloadReader::TargetUser, PayloadReader::Other] {
        let of_reader: Vec<&Arc<StreamQueue>> = queues
            .iter()
            .filter(|queue| queue.reader == reader)
            .collect();
        if of_reader.is_empty() {
            continue;
        }
        let events = event::of_news(news, reader, timezone, before, position);
        let events: Vec<Bytes> = events.unwrap_or_else(|error| {
            let cause = error.cause.as_deref();
            tracing::error!(cause, "a notification cannot be sent to a stream");
            vec![event::reset()]
        });
        for queue in of_reader {
            queue.push(&events, Some(position));
        }
    }
    hub.set_position(user, position);
    hub.set_next_expiry(user, news.unread.next_expiry);
}

/// Whether there is something to send.
fn has_any(news: &InboxNews) -> bool {
    news.is_incomplete || !news.rows.is_empty() || !news.states.is_empty()
}
