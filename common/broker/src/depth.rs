use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use tokio_util::sync::CancellationToken;

use super::publisher::Publisher;
use super::stage::Stage;
use crate::settings::TopologyNames;

/// Time limit for an answer. A broker that is stopped or blocked may not answer at all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The depth of each work queue, asked for once a second.
#[derive(Clone)]
pub struct Depths {
    depths: Arc<HashMap<Stage, AtomicU32>>,
}

impl Depths {
    /// Starts to ask for the depths on the publisher's connection until `stop` is cancelled.
    #[must_use]
    pub fn start(publisher: Publisher, names: TopologyNames, stop: CancellationToken) -> Self {
        let depths = Stage::ALL.map(|stage| (stage, AtomicU32::new(0)));
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

    /// Returns the depth (ready messages) of a stage's queue. The value is about a second old.
    #[must_use]
    pub fn of(&self, stage: Stage) -> u32 {
        self.depths
            .get(&stage)
            .map_or(0, |depth| depth.load(Ordering::Relaxed))
    }

    /// Asks for all depths once a second until an answer fails.
    async fn ask(&self, publisher: &Publisher, names: &TopologyNames) -> lapin::Result<()> {
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
            for (stage, depth) in self.depths.iter() {
                let name = stage.queue(names);
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
                metrics::gauge!("tidings_queue_depth", "queue" => stage.as_str()).set(count);
            }
        }
    }
}
