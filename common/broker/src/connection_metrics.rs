use std::sync::atomic::{AtomicBool, Ordering};

use metrics::{Counter, Gauge, counter, gauge};

/// Counts the connections that follow one another for one purpose.
pub(crate) struct Reconnects {
    had_one: AtomicBool,
    counter: Counter,
}

impl Reconnects {
    /// `purpose` is a label of the metric: `publishing` or `consuming`.
    pub(crate) fn new(purpose: &'static str) -> Self {
        let counter = counter!("tidings_broker_reconnects_total", "connection" => purpose);
        counter.absolute(0);
        Self {
            had_one: AtomicBool::new(false),
            counter,
        }
    }

    /// Counts a connection that was opened, unless it is the first one.
    pub(crate) fn opened(&self) {
        if self.had_one.swap(true, Ordering::Relaxed) {
            self.counter.increment(1);
        }
    }
}

/// The state of the connection that publishes.
pub(crate) struct PublishingGauges {
    connected: Gauge,
    blocked: Gauge,
}

impl PublishingGauges {
    pub(crate) fn new() -> Self {
        let gauges = Self {
            connected: gauge!("tidings_broker_connected", "connection" => "publishing"),
            blocked: gauge!("tidings_broker_blocked"),
        };
        gauges.set(false, false);
        gauges
    }

    /// A connection that is blocked is connected, too.
    pub(crate) fn set(&self, is_connected: bool, is_blocked: bool) {
        let value = |is_set| if is_set { 1.0 } else { 0.0 };
        self.connected.set(value(is_connected));
        self.blocked.set(value(is_blocked));
    }
}
