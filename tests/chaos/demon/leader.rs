use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::act::Act;
use super::perform::start;
use crate::clients::Tally;
use crate::installation::Installation;
use crate::pause::{wait, wait_or};

/// For how long 202s must come without a break before a leader is killed, so that what they do then is
/// due to its death alone.
const CALM: Duration = Duration::from_secs(5);

/// A break.
const BREAK: Duration = Duration::from_secs(2);

/// How long the calm may take to come.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long 202s are watched afterwards: longer than they may take to go on.
const WATCH: Duration = Duration::from_secs(15);

/// How long 202s may take to go on after a leader's death.
pub const PROMISE: Duration = Duration::from_secs(10);

/// Kills the node that leads the intake queue, and starts it again. Returns the longest time that a
/// process of the API then gave no 202, while nothing else was wrong.
pub async fn kill(
    act: &Act,
    on: &Installation,
    tally: &Tally,
    heal: &CancellationToken,
) -> anyhow::Result<Duration> {
    if !calm(tally).await {
        on.story
            .complain("202s did not come steadily though nothing was broken");
    }
    let leader = on.leader().await?;
    tally.look_closely();
    on.servers.kill(leader).await?;
    wait(WATCH).await;
    let gap = tally.longest_close_gap(Instant::now());
    let secs = gap.as_secs_f64();
    on.story.tell(format_args!(
        "{leader} was the leader; at most {secs:.1} s without a 202"
    ));
    if gap > PROMISE {
        on.story.complain(format_args!(
            "no 202 for {secs:.1} s after the death of {leader}, the leader"
        ));
    }
    wait_or(act.lasts, heal).await;
    start(leader, on).await?;
    Ok(gap)
}

async fn calm(tally: &Tally) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        tally.look_closely();
        wait(CALM).await;
        if tally.longest_close_gap(Instant::now()) < BREAK {
            return true;
        }
    }
    false
}
