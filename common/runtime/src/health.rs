//! The state of a program, written by its background tasks and read by its probes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use jiff::Timestamp;
use serde::Serialize;

/// The state of the process. All methods take `&self`, so that tasks share it in an `Arc`.
#[derive(Debug, Default)]
pub struct Health {
    database: AtomicBool,
    rabbitmq: AtomicBool,
    initialised: AtomicBool,
    draining: AtomicBool,
    holds: AtomicUsize,
}

/// The body of `GET /health`.
#[derive(Clone, Debug, Serialize)]
pub struct HealthReport {
    /// `healthy` or `unhealthy`.
    pub status: &'static str,
    /// `connected` or `disconnected`.
    pub database: &'static str,
    /// `connected` or `disconnected`.
    pub rabbitmq: &'static str,
    /// When the report was created.
    pub timestamp: Timestamp,
}

impl HealthReport {
    /// Whether both servers are connected.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.status == "healthy"
    }
}

impl Health {
    /// Sets whether the database responds. Returns whether the state changed.
    pub fn set_database(&self, connected: bool) -> bool {
        self.database.swap(connected, Ordering::Relaxed) != connected
    }

    /// Sets whether the broker connection works. Returns whether the state changed.
    pub fn set_rabbitmq(&self, connected: bool) -> bool {
        self.rabbitmq.swap(connected, Ordering::Relaxed) != connected
    }

    /// Records that the program has finished its start.
    pub fn set_initialised(&self) {
        self.initialised.store(true, Ordering::Relaxed);
    }

    /// Records that the program is shutting down.
    pub fn set_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the program is shutting down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Records that a task holds its messages because a server is unavailable, until [`Health::end_hold`].
    pub fn begin_hold(&self) {
        self.holds.fetch_add(1, Ordering::Relaxed);
    }

    /// Records that a task holds its messages no longer.
    pub fn end_hold(&self) {
        self.holds.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether a task holds its messages because a server is unavailable.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.holds.load(Ordering::Relaxed) > 0
    }

    /// Whether the database responds.
    #[must_use]
    pub fn database(&self) -> bool {
        self.database.load(Ordering::Relaxed)
    }

    /// Whether the broker connection works.
    #[must_use]
    pub fn rabbitmq(&self) -> bool {
        self.rabbitmq.load(Ordering::Relaxed)
    }

    /// Whether the program has finished its start and is not shutting down.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.initialised.load(Ordering::Relaxed) && !self.is_draining()
    }

    /// The body of `GET /health`.
    #[must_use]
    pub fn report(&self) -> HealthReport {
        let state = |connected| {
            if connected {
                "connected"
            } else {
                "disconnected"
            }
        };
        let (database, rabbitmq) = (self.database(), self.rabbitmq());
        HealthReport {
            status: if database && rabbitmq {
                "healthy"
            } else {
                "unhealthy"
            },
            database: state(database),
            rabbitmq: state(rabbitmq),
            timestamp: Timestamp::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_healthy_only_with_both_servers() {
        let health = Health::default();
        assert!(!health.report().is_healthy());
        assert!(health.set_database(true));
        assert_eq!(health.report().rabbitmq, "disconnected");
        assert!(health.set_rabbitmq(true));
        assert!(!health.set_rabbitmq(true), "no change");
        assert!(health.report().is_healthy());
    }

    #[test]
    fn a_draining_program_is_not_running() {
        let health = Health::default();
        assert!(!health.is_running());
        health.set_initialised();
        assert!(health.is_running());
        health.set_draining();
        assert!(!health.is_running());
    }
}
