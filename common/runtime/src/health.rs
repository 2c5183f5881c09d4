//! What a program knows of its own state, kept by its background tasks and read by its probes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use jiff::Timestamp;
use serde::Serialize;

/// The state of one process. Shared by reference count; every method takes `&self`.
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
    /// When this was asked.
    pub timestamp: Timestamp,
}

impl HealthReport {
    /// Whether every part is there.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.status == "healthy"
    }
}

impl Health {
    /// Notes whether the database answers. Returns whether that is news.
    pub fn set_database(&self, connected: bool) -> bool {
        self.database.swap(connected, Ordering::Relaxed) != connected
    }

    /// Notes whether the broker takes and gives messages. Returns whether that is news.
    pub fn set_rabbitmq(&self, connected: bool) -> bool {
        self.rabbitmq.swap(connected, Ordering::Relaxed) != connected
    }

    /// Notes that the program has done what it does once at its start.
    pub fn set_initialised(&self) {
        self.initialised.store(true, Ordering::Relaxed);
    }

    /// Notes that the program is on its way out.
    pub fn set_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the program is on its way out.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Notes that work is held up by its surroundings, until [`Health::end_hold`].
    pub fn begin_hold(&self) {
        self.holds.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes the end of a hold.
    pub fn end_hold(&self) {
        self.holds.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether work is held up by its surroundings.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.holds.load(Ordering::Relaxed) > 0
    }

    /// Whether the database answers.
    #[must_use]
    pub fn database(&self) -> bool {
        self.database.load(Ordering::Relaxed)
    }

    /// Whether the broker takes and gives messages.
    #[must_use]
    pub fn rabbitmq(&self) -> bool {
        self.rabbitmq.load(Ordering::Relaxed)
    }

    /// Whether the program has started and is not leaving.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.initialised.load(Ordering::Relaxed) && !self.is_draining()
    }

    /// What `GET /health` answers.
    #[must_use]
    pub fn report(&self) -> HealthReport {
        let word = |connected| {
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
            database: word(database),
            rabbitmq: word(rabbitmq),
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
        assert!(!health.set_rabbitmq(true), "no news");
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
