use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The moment from which the server may have accepted the message: just before the line that ends it is written.
#[derive(Debug, Default)]
pub(super) struct MessageEnd {
    reached: AtomicBool,
    notify: Notify,
}

impl MessageEnd {
    pub(super) fn reach(&self) {
        self.reached.store(true, Ordering::Relaxed);
        self.notify.notify_one();
    }

    pub(super) fn is_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// Waits for the moment. Only one caller may wait.
    pub(super) async fn wait(&self) {
        self.notify.notified().await;
    }
}
