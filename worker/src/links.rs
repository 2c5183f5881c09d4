use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tidings_common::health::Health;

/// The worker's two ways to the broker, and whether work is held up. Only with both ways is the broker
/// `connected`: the worker takes messages by one and publishes by the other.
pub struct Links {
    consuming: AtomicBool,
    publishing: AtomicBool,
    health: Arc<Health>,
}

impl Links {
    pub fn new(health: Arc<Health>) -> Self {
        Self {
            consuming: AtomicBool::new(false),
            publishing: AtomicBool::new(false),
            health,
        }
    }

    pub fn set_consuming(&self, up: bool) {
        self.consuming.store(up, Ordering::SeqCst);
        self.tell();
    }

    pub fn set_publishing(&self, up: bool) {
        self.publishing.store(up, Ordering::SeqCst);
        self.tell();
    }

    fn tell(&self) {
        let both = self.consuming.load(Ordering::SeqCst) && self.publishing.load(Ordering::SeqCst);
        self.health.set_rabbitmq(both);
    }

    /// Notes that messages are held, until what is returned is dropped.
    pub fn hold(self: &Arc<Self>) -> Holding {
        self.health.begin_hold();
        Holding(Arc::clone(self))
    }
}

/// Messages are held: the worker cannot do its work.
pub struct Holding(Arc<Links>);

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.health.end_hold();
    }
}
