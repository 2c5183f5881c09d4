use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::gauge;
use tidings_runtime::health::Health;

/// Which parts of the worker are connected to the broker, and whether the worker holds messages. In `/health`
/// the broker is `connected` only while the publisher and every consumer are connected.
pub struct Connectivity {
    /// By queue, and the publisher.
    connected: Mutex<BTreeMap<String, bool>>,
    /// The queues that contain a message that cannot be parsed.
    unreadable: Mutex<BTreeSet<String>>,
    health: Arc<Health>,
}

/// The key of the publisher; no queue has this name.
const PUBLISHER: &str = "";

impl Connectivity {
    pub fn new(health: Arc<Health>) -> Self {
        let connected = BTreeMap::from([(PUBLISHER.to_owned(), false)]);
        Self {
            connected: Mutex::new(connected),
            unreadable: Mutex::default(),
            health,
        }
    }

    pub fn set_publisher(&self, connected: bool) {
        self.set(PUBLISHER, connected);
    }

    /// Returns the connectivity of the consumer of `queue`, which is not connected yet.
    pub fn consumer(self: &Arc<Self>, queue: &str) -> ConsumerConnectivity {
        self.set(queue, false);
        ConsumerConnectivity {
            all: Arc::clone(self),
            queue: queue.to_owned(),
        }
    }

    fn set(&self, key: &str, connected: bool) {
        let mut all = self
            .connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.insert(key.to_owned(), connected);
        if key != PUBLISHER {
            let mut consumers = all.iter().filter(|(key, _)| *key != PUBLISHER);
            let are_connected = consumers.all(|(_, up)| *up);
            gauge!("tidings_broker_connected", "connection" => "consuming").set(if are_connected {
                1.0
            } else {
                0.0
            });
        }
        self.health.set_rabbitmq(all.values().all(|up| *up));
    }

    /// Returns the queues that contain a message that cannot be parsed.
    pub fn unreadable_queues(&self) -> Vec<String> {
        let queues = self.unreadable.lock();
        let queues = queues.unwrap_or_else(PoisonError::into_inner);
        queues.iter().cloned().collect()
    }

    /// Records that messages are held until the returned guard is dropped.
    pub fn hold(self: &Arc<Self>) -> HoldGuard {
        self.health.begin_hold();
        HoldGuard(Arc::clone(self))
    }
}

/// Whether one consumer is connected.
pub struct ConsumerConnectivity {
    all: Arc<Connectivity>,
    queue: String,
}

impl ConsumerConnectivity {
    /// Records whether the consumer is connected.
    pub fn set(&self, connected: bool) {
        self.all.set(&self.queue, connected);
    }

    /// Records whether the queue contains a message that cannot be parsed.
    pub fn set_unreadable(&self, unreadable: bool) {
        let queues = self.all.unreadable.lock();
        let mut queues = queues.unwrap_or_else(PoisonError::into_inner);
        if unreadable {
            queues.insert(self.queue.clone());
        } else {
            queues.remove(&self.queue);
        }
    }

    /// The connectivity of the whole worker.
    pub const fn all(&self) -> &Arc<Connectivity> {
        &self.all
    }
}

/// While this guard exists, the worker holds messages and is not ready.
pub struct HoldGuard(Arc<Connectivity>);

impl Drop for HoldGuard {
    fn drop(&mut self) {
        self.0.health.end_hold();
    }
}
