//! Renews the leases of all callers: the only code of the rate limits that asks PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tidings_db::rate_buckets;
use tidings_db::{Database, DbError};
use tokio::time::{Instant, sleep, timeout};

use super::limiter::{RateLimiter, Renewal};

/// Maximum number of callers that are renewed on one connection before the connection is returned.
const MAX_BATCH: usize = 64;

/// Minimum time between two rounds. What callers send meanwhile shares the next round.
const INTERVAL: Duration = Duration::from_millis(10);

/// How long PostgreSQL may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// How often callers that have their whole burst again are forgotten, here and in PostgreSQL.
const CLEANUP_INTERVAL: Duration = Duration::from_mins(1);

/// Renews leases until it is dropped.
pub(super) async fn renew(limiter: Arc<RateLimiter>, database: Database) {
    report(false);
    let (mut degraded, mut cleaned_at) = (false, Instant::now());
    loop {
        if !limiter.has_due() && !degraded {
            limiter.until_due().await;
        }
        let due = limiter.take_due(MAX_BATCH);
        let renewed = match timeout(TIMEOUT, renew_all(&database, &limiter, &due)).await {
            Ok(result) => result,
            Err(_) => Err(DbError::TimedOut),
        };
        match renewed {
            Ok(()) if degraded => {
                tracing::info!("the rate limits of callers hold for all processes together again");
                degraded = false;
                report(false);
            }
            Ok(()) => {}
            Err(error) => {
                limiter.put_back(&due);
                if !degraded {
                    tracing::warn!(%error, "PostgreSQL does not share the rate limits: each process grants callers their full limit");
                    degraded = true;
                    report(true);
                }
                sleep(PAUSE).await;
            }
        }
        if !degraded && cleaned_at.elapsed() >= CLEANUP_INTERVAL {
            cleaned_at = Instant::now();
            limiter.remove_full();
            clean_up(&database).await;
        }
        sleep(INTERVAL).await;
    }
}

/// If it fails, some of the callers may be charged already: the same request again charges them twice.
async fn renew_all(
    database: &Database,
    limiter: &RateLimiter,
    due: &[Renewal],
) -> Result<(), DbError> {
    if due.is_empty() {
        return database.ping().await;
    }
    let leases = database
        .run(async |client| {
            let mut leases = Vec::with_capacity(due.len());
            for renewal in due {
                let lease = rate_buckets::lease(client, &renewal.request).await?;
                leases.push((lease, limiter.now()));
            }
            Ok(leases)
        })
        .await?;
    for (renewal, (lease, at)) in due.iter().zip(leases) {
        limiter.apply(*renewal, lease, at);
    }
    Ok(())
}

async fn clean_up(database: &Database) {
    let cleaning = database.run(async |client| rate_buckets::delete_refilled(client).await);
    match timeout(TIMEOUT, cleaning).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "cannot delete old rows of rate_buckets"),
        Err(_) => tracing::debug!("deleting old rows of rate_buckets takes too long"),
    }
}

fn report(degraded: bool) {
    gauge!("tidings_rate_limit_degraded").set(if degraded { 1.0 } else { 0.0 });
}
