//! Injects faults.

mod apply;
mod fault;
mod fault_period;
mod leader_kill;
mod schedule;
mod scheduler_kill;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

pub use fault::FaultKind;
use fault::{Action, Fault};
pub use fault_period::{FaultPeriod, Hurt, hurt_during};
pub use schedule::Schedule;

use crate::clients::ClientStats;
use crate::installation::Installation;
use apply::apply;

/// Maximum number of active faults.
const MAX_ACTIVE: usize = 2;

/// The number of faults of each kind.
pub type FaultCounts = BTreeMap<FaultKind, u32>;

/// The faults that have been injected.
#[derive(Debug, Default)]
pub struct InjectedFaults {
    /// The number of each kind.
    pub faults: FaultCounts,
    /// The longest time without a 202 of an API process after a leader's death; `None` if no leader was
    /// killed.
    pub gap_after_leader: Option<Duration>,
    /// How many schedulers were killed while they held leases.
    pub killed_during_release: u32,
    /// When each fault was active.
    pub periods: Vec<FaultPeriod>,
}

/// What was observed during a fault.
enum Observation {
    Nothing,
    /// The longest time without a 202 after a leader's death.
    LeaderGap(Duration),
    /// Whether a scheduler held leases when it was killed.
    Scheduler {
        held_leases: bool,
    },
}

/// Injects the faults of `schedule` for `how_long`, then ends all of them. Counts them in `injected`. `stats`
/// belongs to the clients that post meanwhile.
pub async fn inject(
    on: &Arc<Installation>,
    stats: &Arc<ClientStats>,
    schedule: Schedule,
    how_long: Duration,
    injected: &mut InjectedFaults,
) -> anyhow::Result<()> {
    let end = Instant::now() + how_long;
    let mut injector = Injector {
        on: Arc::clone(on),
        stats: Arc::clone(stats),
        injected,
        end: CancellationToken::new(),
        active: Vec::new(),
        tasks: JoinSet::new(),
    };
    let mut last = Instant::now();
    for fault in schedule {
        injector.wait_until(end.min(last + fault.after)).await?;
        injector.wait_for_capacity(&fault, end).await?;
        last = Instant::now();
        if last >= end {
            break;
        }
        injector.start(fault);
    }
    on.log.info("no more faults: ending those that are active");
    injector.end.cancel();
    while injector.next_ended().await? {}
    Ok(())
}

struct Injector<'a> {
    on: Arc<Installation>,
    stats: Arc<ClientStats>,
    injected: &'a mut InjectedFaults,
    /// Ends the active faults.
    end: CancellationToken,
    active: Vec<Fault>,
    tasks: JoinSet<(FaultPeriod, anyhow::Result<Observation>)>,
}

impl Injector<'_> {
    /// Waits until `when`, and handles faults that end.
    async fn wait_until(&mut self, when: Instant) -> anyhow::Result<()> {
        while let Ok(ended) = timeout_at(when, self.next_ended()).await {
            if !ended? {
                sleep_until(when).await;
                break;
            }
        }
        Ok(())
    }

    /// Waits until `fault` may start, but no longer than until `end`.
    async fn wait_for_capacity(&mut self, fault: &Fault, end: Instant) -> anyhow::Result<()> {
        while !may_start(&self.active, fault) {
            match timeout_at(end, self.next_ended()).await {
                Ok(ended) => ended?,
                Err(_) => break,
            };
        }
        Ok(())
    }

    fn start(&mut self, fault: Fault) {
        self.on.log.info(format_args!("fault: {fault}"));
        *self.injected.faults.entry(fault.kind).or_default() += 1;
        self.active.push(fault);
        let (on, stats, end) = (
            Arc::clone(&self.on),
            Arc::clone(&self.stats),
            self.end.clone(),
        );
        self.tasks.spawn(async move {
            let from = std::time::Instant::now();
            let observed = match fault.action {
                Action::KillLeader => {
                    let gap = leader_kill::kill(&fault, &on, &stats, &end).await;
                    gap.map(Observation::LeaderGap)
                }
                Action::KillScheduler(n) => {
                    let held_leases = scheduler_kill::kill(n, fault.lasts, &on, &end).await;
                    held_leases.map(|held_leases| Observation::Scheduler { held_leases })
                }
                _ => {
                    let applied = apply(&fault, &on, &end).await;
                    applied.map(|()| Observation::Nothing)
                }
            };
            (FaultPeriod::new(fault, from), observed)
        });
    }

    /// Waits for the end of one fault. Returns false if none is active.
    async fn next_ended(&mut self) -> anyhow::Result<bool> {
        let Some(ended) = self.tasks.join_next().await else {
            return Ok(false);
        };
        let (period, observed) = ended.context("a fault panicked")?;
        let fault = period.fault;
        self.injected.periods.push(period);
        match observed.with_context(|| format!("fault: {fault}"))? {
            Observation::LeaderGap(gap) => {
                let longest = &mut self.injected.gap_after_leader;
                *longest = (*longest).max(Some(gap));
            }
            Observation::Scheduler { held_leases: true } => {
                self.injected.killed_during_release += 1;
            }
            Observation::Scheduler { .. } | Observation::Nothing => {}
        }
        self.on
            .log
            .info(format_args!("ended: {}", fault.kind.name()));
        self.active.retain(|other| *other != fault);
        Ok(true)
    }
}

fn may_start(active: &[Fault], fault: &Fault) -> bool {
    active.len() < MAX_ACTIVE && active.iter().all(|other| fault.is_compatible_with(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::Component;

    fn kill(component: Component) -> Fault {
        Fault {
            kind: FaultKind::KillApi,
            after: Duration::ZERO,
            action: Action::Kill(component),
            lasts: Duration::ZERO,
        }
    }

    #[test]
    fn two_compatible_faults_may_be_active_and_a_third_waits() {
        let [api, worker] = [kill(Component::Api(0)), kill(Component::Worker(0))];
        assert!(may_start(&[], &api));
        assert!(may_start(&[worker], &api));
        assert!(!may_start(&[api], &api));
        assert!(!may_start(&[api, worker], &kill(Component::Postgres)));
    }
}
