//! Reads the dead-letter queue.

use std::time::Duration;

use anyhow::Context;
use indicatif::ProgressBar;
use tidings_broker::BrokerSettings;
use tidings_broker::{DeadLetter, DeadLetterQueue};

use super::selection::DeadLetterFilter;
use crate::progress;

/// How long the broker may take to send or remove one message.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The dead letters that were in the queue when it was opened. Ignores dead letters that arrive later, for example
/// because a replay failed again; otherwise a replay might not end.
pub struct OpenQueue {
    queue: DeadLetterQueue,
    /// The number of dead letters.
    pub waiting: u32,
    left: u32,
    progress: ProgressBar,
}

/// Opens the dead-letter queue and runs `work`. Afterwards, the dead letters that `work` has not removed return to the
/// queue.
///
/// # Errors
///
/// Returns the error of `work`, or an error if the broker is unreachable or the queue does not exist.
pub async fn with_queue<T>(
    settings: &BrokerSettings,
    work: impl AsyncFnOnce(&mut OpenQueue) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let name = &settings.names.dlq;
    let connection = tidings_broker::connect(settings, "tidings: dead letters").await?;
    let depth = in_time(tidings_broker::queue_depth(&connection, name)).await?;
    let waiting = depth.with_context(|| {
        format!("there is no queue {name} on the broker. `tidings topology` declares it")
    })?;
    if in_time(tidings_broker::consumer_count(&connection, name)).await? > 0 {
        eprintln!(
            "tidings: another program reads {name} at the moment. The dead letters that it holds are not shown: run this again when it has ended"
        );
    }
    let mut open = OpenQueue {
        queue: in_time(DeadLetterQueue::open(&connection, name)).await?,
        waiting,
        left: waiting,
        progress: progress::bar(waiting.into()),
    };
    let done = work(&mut open).await;
    open.progress.finish_and_clear();
    // The broker does not confirm acknowledgements. Once it confirms the close, it has processed all of them.
    let closed = in_time(open.queue.close()).await;
    let value = done?;
    closed.context(
        "the broker did not confirm the close; removed dead letters may still be in the queue",
    )?;
    // The close of the channel has been confirmed already, so it does not matter whether this succeeds.
    tidings_broker::disconnect(&connection).await;
    Ok(value)
}

impl OpenQueue {
    /// The next dead letter that matches `filter`; `None` at the end.
    pub async fn next(&mut self, filter: &DeadLetterFilter) -> anyhow::Result<Option<DeadLetter>> {
        while self.left > 0 {
            self.left -= 1;
            let next = in_time(self.queue.next()).await;
            let Some(dead_letter) = next.context("cannot read the dead-letter queue")? else {
                // Another client has taken some.
                self.left = 0;
                break;
            };
            self.progress.inc(1);
            if filter.matches(&dead_letter) {
                return Ok(Some(dead_letter));
            }
        }
        Ok(None)
    }

    /// Removes a dead letter permanently.
    pub async fn remove(&self, dead_letter: &DeadLetter) -> anyhow::Result<()> {
        in_time(self.queue.remove(dead_letter))
            .await
            .context("cannot remove a dead letter; it is still in the queue")
    }

    /// Hides the progress bar for a prompt.
    pub fn pause_progress(&self) {
        self.progress.finish_and_clear();
    }
}

async fn in_time<T, E>(work: impl Future<Output = Result<T, E>>) -> anyhow::Result<T>
where
    anyhow::Error: From<E>,
{
    let done = tokio::time::timeout(TIMEOUT, work).await;
    Ok(done.context("RabbitMQ did not respond in time")??)
}
