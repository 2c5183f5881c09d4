use std::pin::pin;
use std::sync::Arc;

use tidings_broker::WaitKey;
use tidings_domain::notification::MessageId;

use super::WebhookDestinations;
use super::host::Send;
use super::long_sends::{LONG_AFTER, LongSendRoom};

/// Permission for one send. Dropped when the send has ended.
pub struct SendPermit {
    destinations: Arc<WebhookDestinations>,
    host: String,
    url: WaitKey,
    id: MessageId,
    send: Send,
    /// The room of a long send.
    room: Option<LongSendRoom>,
}

impl SendPermit {
    pub(super) const fn new(
        destinations: Arc<WebhookDestinations>,
        host: String,
        url: WaitKey,
        id: MessageId,
        send: Send,
    ) -> Self {
        Self {
            destinations,
            host,
            url,
            id,
            send,
            room: None,
        }
    }

    /// Runs a send. If it becomes a long send, it gives its place among the sends of the channel to another one, and
    /// `on_long` is called. `bytes` computes the memory that the message occupies.
    pub async fn run<T>(
        &mut self,
        sending: impl Future<Output = T>,
        bytes: impl FnOnce() -> usize,
        on_long: impl FnOnce(),
    ) -> T {
        let mut sending = pin!(sending);
        tokio::select! {
            biased;
            result = &mut sending => return result,
            () = self.become_long(bytes) => {}
        }
        on_long();
        sending.await
    }

    /// Waits until the send is a long send. A message for which there is no room does not delay smaller ones.
    async fn become_long(&mut self, bytes: impl FnOnce() -> usize) {
        tokio::time::sleep(LONG_AFTER).await;
        let bytes = bytes();
        let room = loop {
            match self.destinations.long_sends.take(bytes) {
                Some(room) => break room,
                None => tokio::time::sleep(LONG_AFTER).await,
            }
        };
        self.room = Some(room);
        self.destinations.lock().lengthen(&self.host, self.send);
        self.send.is_long = true;
        self.destinations.permit_released.notify_waiters();
    }
}

impl Drop for SendPermit {
    fn drop(&mut self) {
        let mut state = self.destinations.lock();
        state.end_send(&self.host, self.send);
        state.release_url(self.url, self.id);
        drop(state);
        self.destinations.permit_released.notify_waiters();
    }
}
