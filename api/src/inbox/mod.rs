//! The live part of inboxes: streams of server-sent events, and what wakes them.
//!
//! A stream first registers, then reads what it has missed, and then gets what the looks of this process find
//! ([`looks`]). A look reads what is new for the users that have a stream, because of a wake or after `INBOX_POLL_MS` at the
//! latest. So wakes are hints, and may be lost.

mod event;
mod grant;
mod hub;
mod looks;
mod queue;
mod stream;
mod ticket;
mod wakes;

use std::sync::Arc;
use std::time::Duration;

use tidings_broker::{BrokerSettings, WakePublisher};
use tidings_db::Database;
use tidings_domain::notification::UserId;
use tidings_domain::time::Timezone;
use tidings_runtime::tasks::Tasks;
use tokio_util::sync::CancellationToken;

pub use grant::StreamGrant;
use hub::Hub;
use looks::LookSettings;
pub use stream::{StreamContext, open};
pub use ticket::{TICKET_LIFETIME, Tickets};

/// The most streams of a process, if its connections allow so many.
const MAX_STREAMS: usize = 10_000;

/// The longest time over which the ends of streams are spread when the program stops. Their clients connect to other
/// processes, not all at once.
const MAX_SPREAD: Duration = Duration::from_secs(5);

/// The streams of this process. Clones share them.
#[derive(Clone)]
pub struct Inboxes {
    hub: Arc<Hub>,
    wakes: WakePublisher,
    /// Cancelled when the program stops.
    ending: CancellationToken,
    spread: Duration,
    /// The time zone of users who have set none.
    timezone: Timezone,
}

impl Inboxes {
    /// Starts the tasks of streams, which end when `stop` is cancelled.
    pub fn start(
        settings: &InboxesSettings,
        database: &Database,
        wakes: WakePublisher,
        tasks: &mut Tasks,
        stop: &CancellationToken,
    ) -> Self {
        let hub = Arc::new(Hub::new(settings.max_streams));
        let look = LookSettings {
            poll: settings.poll,
            timezone: settings.default_timezone.clone(),
        };
        let looking = looks::run(Arc::clone(&hub), database.clone(), look);
        let token = stop.clone();
        tasks.spawn("looks at inboxes", async move {
            token.run_until_cancelled(looking).await;
        });
        let consuming = wakes::run(Arc::clone(&hub), settings.broker.clone());
        let token = stop.clone();
        tasks.spawn("wakes of inboxes", async move {
            token.run_until_cancelled(consuming).await;
        });
        Self {
            hub,
            wakes,
            ending: CancellationToken::new(),
            spread: MAX_SPREAD.min(settings.shutdown_timeout / 2),
            timezone: settings.default_timezone.clone(),
        }
    }

    /// Tells the streams of a user, of all processes, that the inbox has changed.
    pub fn changed(&self, user: UserId) {
        self.all_changed([user]);
    }

    /// Tells the streams of users, of all processes, that their inboxes have changed.
    pub fn all_changed(&self, users: impl IntoIterator<Item = UserId>) {
        let users: Vec<UserId> = users.into_iter().collect();
        self.hub.wake(&users);
        self.wakes.wake(users);
    }

    /// Ends all streams within 5 s, and returns when they have ended.
    pub async fn end_streams(&self) {
        self.ending.cancel();
        // Those that have begun to end when they wrote last end a little later.
        let limit = self.spread + Duration::from_secs(1);
        let _ = tokio::time::timeout(limit, self.hub.until_empty()).await;
    }
}

/// The settings of [`Inboxes`].
#[derive(Clone, Debug)]
pub struct InboxesSettings {
    /// The most streams of this process.
    pub max_streams: usize,
    /// RabbitMQ.
    pub broker: BrokerSettings,
    /// `INBOX_POLL_MS`: time between two looks at all inboxes that have a stream.
    pub poll: Duration,
    /// `DEFAULT_TIMEZONE`: the time zone of users who have set none.
    pub default_timezone: Timezone,
    /// How long the program may take to stop.
    pub shutdown_timeout: Duration,
}

impl InboxesSettings {
    /// Streams leave a quarter of the connections to other requests.
    pub const fn max_streams(max_connections: usize) -> usize {
        let allowed = max_connections / 4 * 3;
        if allowed < MAX_STREAMS {
            allowed
        } else {
            MAX_STREAMS
        }
    }
}
