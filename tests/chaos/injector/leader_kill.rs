use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::apply::start;
use super::fault::Fault;
use crate::clients::ClientStats;
use crate::installation::Installation;
use crate::timing::{wait, wait_or};

/// How long 202s must come steadily before a leader is killed, so that a later gap is due to its death alone.
const STEADY: Duration = Duration::from_secs(5);

/// A time without a 202 that is not steady.
const MAX_GAP: Duration = Duration::from_secs(2);

/// How long to wait until 202s come steadily.
const LIMIT: Duration = Duration::from_mins(1);

/// How long 202s are observed after the kill. Longer than [`PROMISE`].
const OBSERVATION: Duration = Duration::from_secs(15);

/// Maximum time without a 202 after a leader's death.
pub const PROMISE: Duration = Duration::from_secs(10);

/// Kills the node that leads the intake queue, and starts it again. Returns the longest time without a 202 of an
/// API process after the kill.
pub async fn kill(
    fault: &Fault,
    on: &Installation,
    stats: &ClientStats,
    end: &CancellationToken,
) -> anyhow::Result<Duration> {
    if !steady(stats).await {
        on.log
            .error("202s do not come steadily although no fault is active");
    }
    let leader = on.leader().await?;
    stats.start_window();
    on.servers.kill(leader).await?;
    wait(OBSERVATION).await;
    let gap = stats.longest_gap_in_window(Instant::now());
    let secs = gap.as_secs_f64();
    on.log.info(format_args!(
        "{leader} was the leader; longest time without a 202: {secs:.1} s"
    ));
    if gap > PROMISE {
        on.log.error(format_args!(
            "no 202 for {secs:.1} s after the death of {leader}, the leader"
        ));
    }
    wait_or(fault.lasts, end).await;
    start(leader, on).await?;
    Ok(gap)
}

async fn steady(stats: &ClientStats) -> bool {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        stats.start_window();
        wait(STEADY).await;
        if stats.longest_gap_in_window(Instant::now()) < MAX_GAP {
            return true;
        }
    }
    false
}
