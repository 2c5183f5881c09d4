//! Whoever posts, at a steady rate and whatever happens, until each notification has its 202.

mod api;
mod body;
mod gaps;
mod parcel;
mod tally;

use std::mem;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::dice::Dice;
use crate::installation::Users;
use crate::ledger::Ledger;
use crate::story::Story;

use api::Api;
use body::Writer;
use parcel::{Letter, Office, Parcel};
pub use tally::{Counts, Tally};

/// How many notifications may wait for their 202 at once. What would come beyond is not posted: while
/// nobody answers, clients must not take the machine away from the servers that are being started.
const WAITING: usize = 500;

/// Of so many notifications one goes by the endpoint for batches.
const BY_BATCH: u64 = 5;

/// How many go in one batch.
const BATCH: usize = 10;

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
            writer: Mutex::new(Writer::new(world.users, world.seed)),
        });
        clients.at_work.spawn(
            Desk {
                office,
                dice: Dice::new(world.seed),
                room: Arc::new(Semaphore::new(WAITING)),
                batch: Vec::new(),
                at_work: clients.at_work.clone(),
                give_up: clients.give_up.clone(),
            }
            .post(world.rate, clients.stop.clone()),
        );
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

/// Hands out one notification after the other.
struct Desk {
    office: Arc<Office>,
    dice: Dice,
    room: Arc<Semaphore>,
    /// What waits for its batch to be full.
    batch: Vec<(Letter, OwnedSemaphorePermit)>,
    at_work: TaskTracker,
    give_up: CancellationToken,
}

impl Desk {
    async fn post(mut self, rate: u32, stop: CancellationToken) {
        let mut tick = interval(Duration::from_secs(1) / rate);
        // After a stall of ours nothing is made up for: that would be a burst.
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut number = 0;
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
                self.office.tally.skipped();
                continue;
            };
            number += 1;
            // Those by batch are with and without a key in turn, too.
            let with_key = number % 2 == 0;
            let letter = Letter::write(&self.office, with_key, &mut self.dice);
            if number % BY_BATCH > 0 {
                self.send(vec![(letter, place)], false);
                continue;
            }
            self.batch.push((letter, place));
            if self.batch.len() == BATCH {
                let batch = mem::take(&mut self.batch);
                self.send(batch, true);
            }
        }
        let batch = mem::take(&mut self.batch);
        self.send(batch, true);
    }

    fn send(&mut self, letters: Vec<(Letter, OwnedSemaphorePermit)>, batch: bool) {
        let (letters, places) = letters.into_iter().unzip();
        let parcel = Parcel {
            letters,
            batch,
            dice: self.dice.another(),
            _places: places,
        };
        let posting = parcel.post(Arc::clone(&self.office));
        let give_up = self.give_up.clone();
        self.at_work
            .spawn(async move { give_up.run_until_cancelled(posting).await });
    }
}
