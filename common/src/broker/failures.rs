use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::sync::Notify;

/// Failures in a row after which a connection is given up though it looks alive. RabbitMQ 3.10
/// nacks every publish on a channel that was opened before a queue had its new leader, until the
/// old leader's node is back; only another channel helps.
const IN_A_ROW: u32 = 20;

/// Counts the publishes of a connection that failed one after the other.
#[derive(Debug, Default)]
pub(super) struct Failures {
    in_a_row: AtomicU32,
    too_many: Notify,
    blocked: AtomicBool,
}

impl Failures {
    /// Notes how a publish ended.
    pub(super) fn note(&self, success: bool) {
        // A broker that is short of memory is not helped by another connection.
        if success || self.blocked.load(Ordering::Relaxed) {
            self.in_a_row.store(0, Ordering::Relaxed);
        } else if self.in_a_row.fetch_add(1, Ordering::Relaxed) + 1 == IN_A_ROW {
            self.too_many.notify_one();
        }
    }

    /// Notes whether the broker takes publishes.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Relaxed);
    }

    /// Waits until there have been too many, which it tells in words.
    pub(super) async fn too_many(&self) -> String {
        self.too_many.notified().await;
        format!("{IN_A_ROW} publishes in a row failed")
    }
}
