use std::collections::HashSet;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::apply::start;
use crate::components::Component;
use crate::installation::{Installation, Lease, LeaseWatch};
use crate::timing::{wait, wait_or};

/// How long to look for leases. A scheduler looks for due notifications once a second.
const LIMIT: Duration = Duration::from_secs(15);

/// Time between two looks: a lease lasts for some milliseconds.
const LOOK_INTERVAL: Duration = Duration::from_millis(3);

/// How long a scheduler is stopped until the leases of the others are over.
const OTHERS: Duration = Duration::from_millis(250);

/// The pause after an error of PostgreSQL, which another fault may have stopped.
const PAUSE: Duration = Duration::from_millis(500);

/// Kills a scheduler while it holds leases of due notifications, and starts it again after `lasts`. Returns whether it held
/// leases: while PostgreSQL is away, it is killed without.
///
/// No row says whose a lease is. So the scheduler is stopped (SIGSTOP) when there are leases: if some of them remain, they
/// are its own.
pub async fn kill(
    number: usize,
    lasts: Duration,
    on: &Installation,
    end: &CancellationToken,
) -> anyhow::Result<bool> {
    let component = Component::Scheduler(number);
    let deadline = Instant::now() + LIMIT;
    let mut held_leases = false;
    while !held_leases && Instant::now() < deadline && !end.is_cancelled() {
        let killed = kill_with_leases(component, on, deadline).await;
        if killed.is_err() {
            wait(PAUSE).await;
        }
        held_leases = killed.unwrap_or(false);
    }
    if !held_leases {
        on.log.info(format_args!("{component} holds no leases"));
        on.program(component)?.kill(&on.log).await?;
    }
    wait_or(lasts, end).await;
    start(component, on).await?;
    Ok(held_leases)
}

/// Kills the scheduler if it holds leases. Returns whether it did.
async fn kill_with_leases(
    component: Component,
    on: &Installation,
    deadline: Instant,
) -> anyhow::Result<bool> {
    let leases = on.database.watch_leases().await?;
    let seen = until_any(&leases, deadline).await?;
    if seen.is_empty() {
        return Ok(false);
    }
    let scheduler = on.program(component)?;
    let mut held = Ok(0);
    let stopped = async {
        held = still_held(&leases, &seen).await;
        if matches!(held, Ok(1..))
            && let Err(error) = scheduler.kill(&on.log).await
        {
            held = Err(error);
        }
    };
    scheduler.freeze(stopped).await?;
    let held = held?;
    if held > 0 {
        on.log
            .info(format_args!("{component} died with {held} leases"));
    }
    Ok(held > 0)
}

async fn until_any(leases: &LeaseWatch, deadline: Instant) -> anyhow::Result<HashSet<Lease>> {
    loop {
        let seen = leases.held().await?;
        if !seen.is_empty() || Instant::now() >= deadline {
            return Ok(seen);
        }
        wait(LOOK_INTERVAL).await;
    }
}

/// Returns how many of the leases are still held after those of the running schedulers are over.
async fn still_held(leases: &LeaseWatch, seen: &HashSet<Lease>) -> anyhow::Result<usize> {
    wait(OTHERS).await;
    Ok(leases.held().await?.intersection(seen).count())
}
