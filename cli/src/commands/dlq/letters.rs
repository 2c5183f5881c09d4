use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use tidings_broker::BrokerSettings;
use tidings_broker::{DeadLetter, DeadLetterQueue};

use super::selection::Filter;

/// How long the broker may take to hand out or take back one message.
const TIMEOUT: Duration = Duration::from_secs(15);

/// From this many messages on it takes long enough for progress to be shown.
const LONG_QUEUE: u32 = 2000;

/// The dead letters that were in the queue when this was opened. Those that arrive later, perhaps
/// because a replay failed again, are not met, or there might be no end.
pub struct Letters {
    queue: DeadLetterQueue,
    /// How many there are.
    pub waiting: u32,
    left: u32,
    progress: ProgressBar,
}

/// Opens the dead-letter queue, does `work` and gives back what `work` has not removed.
///
/// # Errors
///
/// Those of `work`; and where the broker cannot be reached or has no such queue.
pub async fn with_letters<T>(
    settings: &BrokerSettings,
    work: impl AsyncFnOnce(&mut Letters) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let name = &settings.names.dlq;
    let connection = tidings_broker::connect(settings, "tidings: dead letters").await?;
    let depth = in_time(tidings_broker::queue_depth(&connection, name)).await?;
    let waiting = depth.with_context(|| {
        format!("there is no queue {name} on the broker. `tidings topology` declares it")
    })?;
    let mut letters = Letters {
        queue: in_time(DeadLetterQueue::open(&connection, name)).await?,
        waiting,
        left: waiting,
        progress: progress_bar(waiting),
    };
    let done = work(&mut letters).await;
    letters.progress.finish_and_clear();
    // An acknowledgement is only sent, not answered; the answer to this is behind all of them.
    let closed = in_time(letters.queue.close()).await;
    let value = done?;
    closed.context(
        "the broker did not confirm the end; letters that were to be removed may still be there",
    )?;
    // What counts has been confirmed.
    let _ = in_time(connection.close(200, "done".into())).await;
    Ok(value)
}

impl Letters {
    /// The next one that `filter` selects; `None` at the end.
    pub async fn next(&mut self, filter: &Filter) -> anyhow::Result<Option<DeadLetter>> {
        while self.left > 0 {
            self.left -= 1;
            let next = in_time(self.queue.next()).await;
            let Some(letter) = next.context("cannot read the dead-letter queue")? else {
                // Somebody else has taken some.
                self.left = 0;
                break;
            };
            self.progress.inc(1);
            if filter.selects(&letter) {
                return Ok(Some(letter));
            }
        }
        Ok(None)
    }

    /// Removes one for good.
    pub async fn remove(&self, letter: &DeadLetter) -> anyhow::Result<()> {
        in_time(self.queue.remove(letter))
            .await
            .context("cannot remove a dead letter; it is still in the queue")
    }

    /// Hides the progress bar while somebody is asked something.
    pub fn pause_progress(&self) {
        self.progress.finish_and_clear();
    }
}

async fn in_time<T, E>(work: impl Future<Output = Result<T, E>>) -> anyhow::Result<T>
where
    anyhow::Error: From<E>,
{
    let done = tokio::time::timeout(TIMEOUT, work).await;
    Ok(done.context("RabbitMQ did not answer in time")??)
}

/// On standard error, and only where that is a terminal.
fn progress_bar(length: u32) -> ProgressBar {
    if length < LONG_QUEUE {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length.into());
    match ProgressStyle::with_template("{bar:40} {human_pos} of {human_len}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
