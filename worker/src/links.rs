use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tidings_runtime::health::Health;

/// The worker's ways to the broker, and whether work is held up. Only with all of them is the broker
/// `connected`: the worker takes messages by some and publishes by another.
pub struct Links {
    ways: Mutex<BTreeMap<String, bool>>,
    health: Arc<Health>,
}

/// The way that messages are published by; no queue is called so.
const PUBLISHING: &str = "";

impl Links {
    pub fn new(health: Arc<Health>) -> Self {
        let ways = BTreeMap::from([(PUBLISHING.to_owned(), false)]);
        Self {
            ways: Mutex::new(ways),
            health,
        }
    }

    pub fn set_publishing(&self, up: bool) {
        self.set(PUBLISHING, up);
    }

    /// The way that the messages of `queue` come by; not there yet.
    pub fn consumer(self: &Arc<Self>, queue: &str) -> ConsumerLink {
        self.set(queue, false);
        ConsumerLink {
            links: Arc::clone(self),
            queue: queue.to_owned(),
        }
    }

    fn set(&self, way: &str, up: bool) {
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        ways.insert(way.to_owned(), up);
        self.health.set_rabbitmq(ways.values().all(|up| *up));
    }

    /// Notes that messages are held, until what is returned is dropped.
    pub fn hold(self: &Arc<Self>) -> Holding {
        self.health.begin_hold();
        Holding(Arc::clone(self))
    }
}

/// One consumer's way to the broker.
pub struct ConsumerLink {
    links: Arc<Links>,
    queue: String,
}

impl ConsumerLink {
    /// Notes whether messages come.
    pub fn set(&self, up: bool) {
        self.links.set(&self.queue, up);
    }

    /// All ways.
    pub const fn links(&self) -> &Arc<Links> {
        &self.links
    }
}

/// Messages are held: the worker cannot do its work.
pub struct Holding(Arc<Links>);

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.health.end_hold();
    }
}
