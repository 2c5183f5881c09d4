//! Whoever posts, at a steady rate and whatever happens, until each notification has its 202.

mod api;
mod body;
mod gaps;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::dice::Dice;
use crate::installation::Users;
use crate::ledger::{Entry, Ledger};
use crate::pause::wait;
use crate::story::Story;

use api::{Api, Reply};
use body::Writer;
pub use tally::{Counts, Tally};

/// How many notifications may wait for their 202 at once. What would come beyond is not posted: while
/// nobody answers, clients must not take the machine away from the servers that are being started.
const WAITING: usize = 500;

/// Of so many notifications with a key one is posted again after its 202, as by a client that died
/// before it could note this.
const AGAIN: u64 = 20;

/// The pause before a try after one without an answer, in milliseconds.
const BEFORE_ANOTHER: std::ops::RangeInclusive<u64> = 100..=1_000;

/// What all clients share.
pub struct World {
    pub story: Arc<Story>,
    pub ledger: Arc<Ledger>,
    pub users: Arc<Users>,
    /// The ports of the processes of the API.
    pub entrances: Vec<u16>,
    /// Notifications a second.
    pub rate: u32,
    pub seed: u64,
}

/// Clients at work.
pub struct Clients {
    pub tally: Arc<Tally>,
    stop: CancellationToken,
    give_up: CancellationToken,
    at_work: TaskTracker,
}

impl Clients {
    /// Starts to post.
    pub fn start(world: World) -> anyhow::Result<Self> {
        let apis: anyhow::Result<Vec<_>> =
            world.entrances.iter().map(|port| Api::at(*port)).collect();
        let clients = Self {
            tally: Arc::new(Tally::begin(world.entrances.len())),
            stop: CancellationToken::new(),
            give_up: CancellationToken::new(),
            at_work: TaskTracker::new(),
        };
        let office = Arc::new(Office {
            story: world.story,
            ledger: world.ledger,
            tally: Arc::clone(&clients.tally),
            apis: apis?,
            writer: std::sync::Mutex::new(Writer::new(world.users, world.seed)),
        });
        let (stop, give_up) = (clients.stop.clone(), clients.give_up.clone());
        let tasks = clients.at_work.clone();
        let mut dice = Dice::new(world.seed);
        let mut tick = interval(Duration::from_secs(1) / world.rate);
        // After a stall of ours nothing is made up for: that would be a burst.
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        clients.at_work.spawn(async move {
            let room = Arc::new(Semaphore::new(WAITING));
            let mut number = 0;
            while stop.run_until_cancelled(tick.tick()).await.is_some() {
                let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                    office.tally.skipped();
                    continue;
                };
                number += 1;
                let dice = Dice::new(dice.within(0..=u64::MAX - 1));
                let posting = post(Arc::clone(&office), number, dice, place);
                let give_up = give_up.clone();
                tasks.spawn(async move { give_up.run_until_cancelled(posting).await });
            }
        });
        Ok(clients)
    }

    /// Posts nothing new, and waits until everything that was begun has its 202; at most for `limit`.
    /// Returns how many have none.
    pub async fn finish(&self, limit: Duration) -> usize {
        self.stop.cancel();
        self.at_work.close();
        let waiting = match tokio::time::timeout(limit, self.at_work.wait()).await {
            Ok(()) => 0,
            Err(_) => self.at_work.len(),
        };
        self.give_up.cancel();
        self.at_work.wait().await;
        waiting
    }
}

/// Where notifications are written and posted.
struct Office {
    story: Arc<Story>,
    ledger: Arc<Ledger>,
    tally: Arc<Tally>,
    apis: Vec<Api>,
    writer: std::sync::Mutex<Writer>,
}

impl Office {
    fn write(&self) -> body::Body {
        let writer = self.writer.lock();
        writer
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .write()
    }

    /// A 202 or try that is not in the ledger would make the whole run worthless.
    fn note(&self, entry: &Entry) {
        if let Err(error) = self.ledger.note(entry) {
            self.story.complain(format_args!("the ledger: {error}"));
        }
    }
}

/// Gets one notification its 202, every second one under a key.
async fn post(office: Arc<Office>, number: u64, mut dice: Dice, _place: OwnedSemaphorePermit) {
    let key = number
        .is_multiple_of(2)
        .then(|| format!("chaos-{}", Uuid::new_v4()));
    let again = key.is_some() && (number / 2).is_multiple_of(AGAIN);
    let mut wanted = if again { 2 } else { 1 };
    let mut body = office.write();
    let mut api = dice.place(office.apis.len());
    while wanted > 0 {
        let print = body.fingerprint();
        office.note(&Entry::Try {
            body: print,
            key: key.clone(),
        });
        match office.apis[api].post(&body.to_json(), key.as_deref()).await {
            Reply::Accepted(id) => {
                office.note(&Entry::Accepted {
                    body: print,
                    key: key.clone(),
                    id,
                });
                office.tally.accepted(api);
                wanted -= 1;
                continue;
            }
            Reply::Refused(secs) => {
                office.tally.refused();
                wait(Duration::from_secs(secs) + dice.millis(0..=1_000)).await;
            }
            Reply::Nothing => {
                office.tally.unanswered();
                wait(dice.millis(BEFORE_ANOTHER)).await;
            }
            Reply::Wrong(what, text) => {
                if office.tally.wrong(&what) == 1 {
                    office
                        .story
                        .tell(format_args!("WRONG: a client got {what}: {text}"));
                }
                wait(Duration::from_secs(5)).await;
            }
        }
        // Perhaps another process is better off.
        api = dice.place(office.apis.len());
        if key.is_none() {
            // Should the broker have taken the try all the same, its row is not this one's.
            body = office.write();
        }
    }
}
