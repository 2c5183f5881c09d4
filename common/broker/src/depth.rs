use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use tokio_util::sync::CancellationToken;

use super::destination::Destination;
use super::publisher::Publisher;
use crate::settings::Names;

/// How long the broker may take to answer; one that is stopped or blocked may not answer at all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How many messages wait in each work queue, asked for once a second.
#[derive(Clone)]
pub struct Depths {
    depths: Arc<HashMap<Destination, AtomicU32>>,
}

impl Depths {
    /// Starts asking, over the publisher's connection, until `stop` is cancelled.
    #[must_use]
    pub fn start(publisher: Publisher, names: Names, stop: CancellationToken) -> Self {
        let depths = Destination::ALL.map(|destination| (destination, AtomicU32::new(0)));
        let this = Self {
            depths: Arc::new(depths.into_iter().collect()),
        };
        let depths = this.clone();
        tokio::spawn(async move {
            let asking = async {
                loop {
                    publisher.until_connected().await;
                    if let Err(error) = depths.ask(&publisher, &names).await {
                        tracing::debug!(%error, "asking for queue depths failed");
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            };
            stop.run_until_cancelled(asking).await;
        });
        this
    }

    /// Messages ready in the destination's queue, at most about a second ago.
    #[must_use]
    pub fn of(&self, destination: Destination) -> u32 {
        self.depths
            .get(&destination)
            .map_or(0, |depth| depth.load(Ordering::Relaxed))
    }

    /// Asks once a second until that fails.
    async fn ask(&self, publisher: &Publisher, names: &Names) -> lapin::Result<()> {
        let Some(connection) = publisher.connected() else {
            return Ok(());
        };
        let opening = connection.create_channel();
        let Ok(channel) = tokio::time::timeout(ANSWER_TIMEOUT, opening).await else {
            return Ok(());
        };
        let channel = channel?;
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tick.tick().await;
            for (destination, depth) in self.depths.iter() {
                let name = destination.queue(names);
                let options = QueueDeclareOptions {
                    passive: true,
                    ..Default::default()
                };
                let arguments = FieldTable::default();
                let asked = channel.queue_declare(name.as_str().into(), options, arguments);
                let Ok(queue) = tokio::time::timeout(ANSWER_TIMEOUT, asked).await else {
                    return Ok(());
                };
                let count = queue?.message_count();
                depth.store(count, Ordering::Relaxed);
                metrics::gauge!("tidings_queue_depth", "queue" => destination.as_str()).set(count);
            }
        }
    }
}
