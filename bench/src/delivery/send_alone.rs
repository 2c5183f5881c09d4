//! A provider of the product alone, without queue and table.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::bail;
use indicatif::ProgressBar;
use tidings_worker::providers::{Provider, SendOutcome};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Sends all `messages`, `concurrency` at once. Returns how long that took.
///
/// # Errors
///
/// Returns an error if a message is not delivered.
pub async fn send_all<M, P>(
    provider: Arc<P>,
    messages: Vec<M>,
    concurrency: usize,
    progress: &ProgressBar,
) -> anyhow::Result<Duration>
where
    M: Send + Sync + 'static,
    P: Provider<M> + 'static,
{
    let messages: Arc<[M]> = messages.into();
    let next = Arc::new(AtomicUsize::new(0));
    let mut sending = JoinSet::new();
    let began = Instant::now();
    for _ in 0..concurrency {
        let (provider, messages) = (Arc::clone(&provider), Arc::clone(&messages));
        let (next, progress) = (Arc::clone(&next), progress.clone());
        sending.spawn(async move {
            while let Some(message) = messages.get(next.fetch_add(1, Ordering::Relaxed)) {
                match provider.send(message).await {
                    SendOutcome::Delivered { .. } => progress.inc(1),
                    other => bail!("the provider alone did not deliver a message: {other:?}"),
                }
            }
            Ok(())
        });
    }
    while let Some(done) = sending.join_next().await {
        done??;
    }
    Ok(began.elapsed())
}
