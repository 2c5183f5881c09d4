use std::sync::Arc;
use std::time::Duration;

use tidings_broker::{Backoff, BrokerSettings, WakeConsumer};

use super::hub::Hub;

/// How long the connection stays open without a stream.
const UNUSED: Duration = Duration::from_mins(1);

/// Consumes wakes while there are streams. Never ends.
pub(super) async fn run(hub: Arc<Hub>, broker: BrokerSettings) {
    let mut backoff = Backoff::new();
    let mut is_reported = false;
    loop {
        hub.until_any().await;
        match WakeConsumer::open(&broker, "tidings-api: wakes").await {
            Ok(consumer) => {
                tracing::debug!("consuming wakes of inboxes");
                backoff.reset();
                is_reported = false;
                // What was changed before the queue was bound has woken nobody.
                hub.poll_now();
                let reason = consume(&hub, consumer).await;
                tracing::debug!(reason, "not consuming wakes of inboxes any more");
            }
            Err(error) if !is_reported => {
                is_reported = true;
                tracing::warn!(
                    %error,
                    "streams of inboxes get no wakes from RabbitMQ, and are late by up to INBOX_POLL_MS"
                );
            }
            Err(_) => {}
        }
        backoff.pause().await;
    }
}

/// Consumes until the connection ends, or until nobody has needed it for a while. Returns the reason.
async fn consume(hub: &Hub, mut consumer: WakeConsumer) -> String {
    let unused = hub.until_unused(UNUSED);
    let mut unused = std::pin::pin!(unused);
    let reason = loop {
        tokio::select! {
            () = &mut unused => break "there are no streams".to_owned(),
            received = consumer.next() => match received {
                Ok(users) => hub.wake(&users),
                Err(error) => break error.to_string(),
            },
        }
    };
    consumer.close().await;
    reason
}
