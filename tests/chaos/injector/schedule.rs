use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;

use super::fault::{Action, Fault, FaultKind};
use crate::components::{APIS, Component, Link, PROCESSES};
use crate::proxy::{Conditions, Direction};
use crate::rng::Rng;

/// Milliseconds until a killed component is started again.
const DOWNTIME: RangeInclusive<u64> = 0..=10_000;

/// By how many milliseconds PostgreSQL's clock steps: from a moment to longer than any lease lasts (65 s).
const STEP: RangeInclusive<u64> = 1_000..=90_000;

/// Duration of any other fault, in milliseconds.
const DURATION: RangeInclusive<u64> = 1_000..=20_000;

/// An endless sequence of faults that depends only on the seed, the number of nodes, the kinds and the interval.
///
/// All kinds occur, in random order, before one occurs again.
pub struct Schedule {
    rng: Rng,
    nodes: usize,
    links: Vec<Link>,
    kinds: Vec<FaultKind>,
    /// Kinds that have not occurred in this round.
    remaining: Vec<FaultKind>,
    /// Milliseconds from one fault to the next.
    interval: RangeInclusive<u64>,
}

impl Schedule {
    /// Creates a schedule of these `kinds`, at least one, with a fault about every `interval` seconds: 8 to 20 for 14.
    pub fn new(seed: u64, nodes: usize, kinds: Vec<FaultKind>, interval: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            nodes,
            links: Link::all(nodes),
            kinds,
            remaining: Vec::new(),
            interval: interval * 4_000 / 7..=interval * 10_000 / 7,
        }
    }

    fn action(&mut self, kind: FaultKind) -> Action {
        // Drawn for every kind, so that the rest of the schedule does not depend on what this kind needs.
        let drawn = self.rng.index(APIS * PROCESSES);
        let (api, process) = (drawn % APIS, drawn % PROCESSES);
        let node = Component::RabbitMq(self.rng.index(self.nodes));
        let link = self.links[self.rng.index(self.links.len())];
        let conditions = self.conditions(kind);
        let step = self.step();
        match kind {
            FaultKind::KillApi => Action::Kill(Component::Api(api)),
            FaultKind::KillWorker => Action::Kill(Component::Worker(process)),
            FaultKind::KillRabbitmq => Action::Kill(node),
            FaultKind::KillPostgres => Action::Kill(Component::Postgres),
            FaultKind::FreezeApi => Action::Freeze(Component::Api(api)),
            FaultKind::FreezeWorker => Action::Freeze(Component::Worker(process)),
            FaultKind::FreezeRabbitmq => Action::Freeze(node),
            FaultKind::FreezePostgres => Action::Freeze(Component::Postgres),
            FaultKind::RestartApi => Action::Restart(Component::Api(api)),
            FaultKind::RestartWorker => Action::Restart(Component::Worker(process)),
            FaultKind::RestartRabbitmq => Action::Restart(node),
            FaultKind::RestartPostgres => Action::Restart(Component::Postgres),
            FaultKind::NetworkDropped
            | FaultKind::NetworkHalfOpen
            | FaultKind::NetworkSlow
            | FaultKind::NetworkReset
            | FaultKind::NetworkDelayed => Action::Network(link, conditions),
            FaultKind::DiskAlarm => Action::DiskAlarm(node),
            FaultKind::MemoryAlarm => Action::MemoryAlarm(node),
            FaultKind::ConnectionsTerminated => Action::TerminateConnections,
            FaultKind::ConnectionsExhausted => Action::ExhaustConnections,
            FaultKind::KillScheduler => Action::KillScheduler(process),
            FaultKind::ClockSteps => Action::StepClock(step),
            FaultKind::KillLeader => Action::KillLeader,
        }
    }

    fn step(&mut self) -> SignedDuration {
        let step = i64::try_from(self.rng.in_range(STEP)).unwrap_or(i64::MAX);
        let forward = self.rng.index(2) == 0;
        SignedDuration::from_millis(if forward { step } else { -step })
    }

    fn conditions(&mut self, kind: FaultKind) -> Conditions {
        let rate = self.rng.in_range(2_000..=8_000);
        let delay = self.rng.millis(50..=2_000);
        let direction = [Direction::ToServer, Direction::ToClient][self.rng.index(2)];
        match kind {
            FaultKind::NetworkDropped => Conditions::Dropped,
            FaultKind::NetworkHalfOpen => Conditions::HalfOpen(direction),
            FaultKind::NetworkSlow => Conditions::Slow(u32::try_from(rate).unwrap_or(u32::MAX)),
            FaultKind::NetworkReset => Conditions::Reset,
            FaultKind::NetworkDelayed => Conditions::Delayed(delay),
            _ => Conditions::Normal,
        }
    }

    fn lasts(&mut self, action: Action) -> Duration {
        let (down, lasts) = (self.rng.millis(DOWNTIME), self.rng.millis(DURATION));
        match action {
            Action::Kill(_) | Action::KillScheduler(_) | Action::KillLeader => down,
            Action::Restart(_) | Action::TerminateConnections => Duration::ZERO,
            _ => lasts,
        }
    }
}

impl Iterator for Schedule {
    type Item = Fault;

    fn next(&mut self) -> Option<Fault> {
        if self.remaining.is_empty() {
            self.remaining.clone_from(&self.kinds);
            self.rng.shuffle(&mut self.remaining);
        }
        let kind = self.remaining.pop()?;
        let after = self.rng.millis(self.interval.clone());
        let action = self.action(kind);
        let lasts = self.lasts(action);
        Some(Fault {
            kind,
            after,
            action,
            lasts,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn faults(seed: u64, nodes: usize, n: usize) -> Vec<Fault> {
        let schedule = Schedule::new(seed, nodes, FaultKind::all(nodes), 14);
        schedule.take(n).collect()
    }

    #[test]
    fn a_seed_determines_the_faults() {
        assert_eq!(faults(7, 1, 200), faults(7, 1, 200));
        assert_ne!(faults(7, 1, 20), faults(8, 1, 20));
    }

    #[test]
    fn every_kind_occurs_before_one_occurs_again() {
        for nodes in [1, 3] {
            let kinds = FaultKind::all(nodes);
            for round in faults(3, nodes, 5 * kinds.len()).chunks(kinds.len()) {
                let seen: BTreeSet<_> = round.iter().map(|fault| fault.kind).collect();
                assert_eq!(seen.len(), kinds.len());
            }
        }
    }

    #[test]
    fn intervals_and_durations_are_in_range() {
        for fault in faults(11, 3, 1000) {
            assert!(
                (8.0..=20.0).contains(&fault.after.as_secs_f64()),
                "{fault:?}"
            );
            let lasts = fault.lasts.as_secs_f64();
            match fault.action {
                Action::Kill(_) | Action::KillScheduler(_) | Action::KillLeader => {
                    assert!(lasts <= 10.0, "{fault:?}");
                }
                Action::StepClock(by) => {
                    assert!((1.0..=90.0).contains(&by.as_secs_f64().abs()), "{fault:?}");
                }
                Action::Restart(_) | Action::TerminateConnections => {
                    assert!(fault.lasts.is_zero(), "{fault:?}");
                }
                _ => assert!((1.0..=20.0).contains(&lasts), "{fault:?}"),
            }
        }
    }

    #[test]
    fn every_component_and_link_is_affected_in_the_long_run() {
        let faults = faults(5, 3, 3000);
        let components: BTreeSet<_> = faults
            .iter()
            .filter_map(|fault| match fault.action {
                Action::Kill(component)
                | Action::Freeze(component)
                | Action::Restart(component) => Some(component),
                _ => None,
            })
            .collect();
        assert_eq!(components.len(), 3 + 2 + 3 + 1);
        let is = |which: fn(&Action) -> bool| faults.iter().any(|fault| which(&fault.action));
        assert!(is(|action| matches!(action, Action::KillScheduler(0))));
        assert!(is(|action| matches!(action, Action::KillScheduler(1))));
        assert!(is(
            |action| matches!(action, Action::StepClock(by) if by.as_secs() > 70)
        ));
        assert!(is(
            |action| matches!(action, Action::StepClock(by) if by.as_secs() < -70)
        ));
        let links: BTreeSet<_> = faults
            .iter()
            .filter_map(|fault| match fault.action {
                Action::Network(link, _) => Some(link),
                _ => None,
            })
            .collect();
        assert_eq!(links.len(), Link::all(3).len());
    }

    #[test]
    fn kinds_can_be_chosen() {
        let schedule = Schedule::new(1, 1, vec![FaultKind::KillWorker], 14);
        assert!(
            schedule
                .take(10)
                .all(|fault| fault.kind == FaultKind::KillWorker)
        );
    }
}
