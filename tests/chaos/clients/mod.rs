//! Clients that post at a steady rate and retry until each notification has its 202, that cancel some of them, and users
//! that change their preferences and quiet hours, and recipients without an account that unsubscribe.

mod api_client;
mod cancellation;
mod change_generator;
mod chooser;
mod gaps;
mod notification_body;
mod pending_notification;
mod post_request;
mod request_context;
mod responses;
mod stats;
mod times_generator;

use std::mem;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::guests;
use crate::installation::Users;
use crate::ledger::Ledger;
use crate::rng::Rng;
use crate::run_log::RunLog;

pub use api_client::{ApiClient, Exchange};
use cancellation::{CancelTarget, Cancellation};
use chooser::Chooser;
pub use gaps::Gap;
use notification_body::BodyGenerator;
use pending_notification::PendingNotification;
use post_request::PostRequest;
use request_context::RequestContext;
pub use stats::{ClientStats, Counts};

/// Maximum number of notifications without their 202. More are not posted: during an outage, clients must not
/// take the CPU from the servers that are starting.
const MAX_PENDING: usize = 500;

/// One in this many notifications is posted as part of a batch.
const BATCH_SHARE: u64 = 5;

/// Items in a batch.
const BATCH_SIZE: usize = 10;

/// How many milliseconds after its last member was created a group is cancelled.
const GROUP_PAUSE: RangeInclusive<u64> = 0..=10_000;

/// Settings of the clients.
pub struct ClientSettings {
    pub log: Arc<RunLog>,
    pub ledger: Arc<Ledger>,
    pub users: Arc<Users>,
    /// The ports of the API processes.
    pub api_ports: Vec<u16>,
    /// Notifications a second.
    pub rate: u32,
    pub seed: u64,
}

/// Clients that are running.
pub struct Clients {
    pub stats: Arc<ClientStats>,
    stop: CancellationToken,
    give_up: CancellationToken,
    tasks: TaskTracker,
}

impl Clients {
    /// Starts to post.
    pub fn start(settings: ClientSettings) -> anyhow::Result<Self> {
        let apis: anyhow::Result<Vec<_>> = settings
            .api_ports
            .iter()
            .map(|port| ApiClient::at(*port))
            .collect();
        let clients = Self {
            stats: Arc::new(ClientStats::new(settings.api_ports.len())),
            stop: CancellationToken::new(),
            give_up: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let mut rng = Rng::new(settings.seed);
        let choosers = settings.users.choosers.clone();
        let context = Arc::new(RequestContext {
            log: settings.log,
            ledger: settings.ledger,
            stats: Arc::clone(&clients.stats),
            apis: apis?,
            bodies: Mutex::new(BodyGenerator::new(settings.users, settings.seed)),
            tasks: clients.tasks.clone(),
            give_up: clients.give_up.clone(),
        });
        for user in choosers {
            let chooser = Chooser::new(user, &context, rng.split());
            context.spawn(chooser.choose(clients.stop.clone()));
        }
        for address in guests::addresses() {
            let guest = Chooser::guest(&address, &context, rng.split())?;
            context.spawn(guest.choose(clients.stop.clone()));
        }
        clients.tasks.spawn(
            Dispatcher {
                context,
                rng,
                pending: Arc::new(Semaphore::new(MAX_PENDING)),
                batch: Vec::new(),
            }
            .post(settings.rate, clients.stop.clone()),
        );
        Ok(clients)
    }

    /// Stops posting, and waits for at most `limit` until every notification has its 202, every cancellation its answer, and no
    /// user quiet hours.
    /// Returns how many requests have none.
    pub async fn finish(&self, limit: Duration) -> usize {
        self.stop.cancel();
        self.tasks.close();
        let waiting = match tokio::time::timeout(limit, self.tasks.wait()).await {
            Ok(()) => 0,
            Err(_) => self.tasks.len(),
        };
        self.give_up.cancel();
        self.tasks.wait().await;
        waiting
    }
}

/// Creates notifications at the configured rate and spawns their requests.
struct Dispatcher {
    context: Arc<RequestContext>,
    rng: Rng,
    pending: Arc<Semaphore>,
    /// Notifications that wait until their batch is full.
    batch: Vec<(PendingNotification, OwnedSemaphorePermit)>,
}

impl Dispatcher {
    async fn post(mut self, rate: u32, stop: CancellationToken) {
        let mut tick = interval(Duration::from_secs(1) / rate);
        // Ticks missed during a stall of this process are skipped: making up for them would be a burst.
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut number = 0;
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            let Ok(permit) = Arc::clone(&self.pending).try_acquire_owned() else {
                self.context.stats.skipped();
                continue;
            };
            number += 1;
            // With an odd batch share, items of batches alternate as well.
            let with_key = number % 2 == 0;
            let notification = PendingNotification::new(&self.context, with_key, &mut self.rng);
            self.cancel_groups();
            if number % BATCH_SHARE > 0 {
                self.send(vec![(notification, permit)], false);
                continue;
            }
            self.batch.push((notification, permit));
            if self.batch.len() == BATCH_SIZE {
                let batch = mem::take(&mut self.batch);
                self.send(batch, true);
            }
        }
        let batch = mem::take(&mut self.batch);
        self.send(batch, true);
    }

    fn send(
        &mut self,
        notifications: Vec<(PendingNotification, OwnedSemaphorePermit)>,
        batch: bool,
    ) {
        let (notifications, permits) = notifications.into_iter().unzip();
        let request = PostRequest {
            notifications,
            batch,
            rng: self.rng.split(),
            _permits: permits,
        };
        self.context.spawn(request.post(Arc::clone(&self.context)));
    }

    /// Cancels groups that have become complete.
    fn cancel_groups(&mut self) {
        for group in self.context.take_groups_to_cancel() {
            let cancellation = Cancellation {
                target: CancelTarget::Group(group),
                pause: self.rng.millis(GROUP_PAUSE),
                rng: self.rng.split(),
            };
            self.context
                .spawn(cancellation.cancel(Arc::clone(&self.context)));
        }
    }
}
