use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use super::fault::{Action, Fault};
use crate::components::{Component, Link};

/// How long the consequences of a fault may last after its end: connections are opened again after pauses of up to 3 s, and
/// clients wait before they repeat a request.
const RECOVERY: Duration = Duration::from_secs(10);

/// What a fault hurts, as an API process sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hurt {
    /// The API itself, or the way to it.
    Api,
    /// RabbitMQ, or the way of an API process to it.
    RabbitMq,
    /// PostgreSQL, or the way of an API process to it.
    Postgres,
    /// Workers and schedulers, or their ways to the servers. A POST needs none of them.
    Worker,
}

impl fmt::Display for Hurt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Api => "api",
            Self::RabbitMq => "rabbitmq",
            Self::Postgres => "postgres",
            Self::Worker => "worker",
        })
    }
}

/// A fault that has ended.
#[derive(Clone, Copy, Debug)]
pub struct FaultPeriod {
    pub(super) fault: Fault,
    pub from: Instant,
    pub until: Instant,
}

impl FaultPeriod {
    /// Creates the period of a fault that began at `from` and ends now.
    pub(super) fn new(fault: Fault, from: Instant) -> Self {
        Self {
            fault,
            from,
            until: Instant::now(),
        }
    }

    /// What the fault hurts.
    pub const fn hurts(&self) -> Hurt {
        match self.fault.action {
            Action::Kill(component)
            | Action::Freeze(component)
            | Action::Restart(component)
            | Action::DiskAlarm(component)
            | Action::MemoryAlarm(component) => of(component),
            Action::Network(link, _) => of_link(link),
            Action::TerminateConnections | Action::ExhaustConnections | Action::StepClock(_) => {
                Hurt::Postgres
            }
            Action::KillScheduler(_) => Hurt::Worker,
            Action::KillLeader => Hurt::RabbitMq,
        }
    }

    /// Whether a worker was frozen.
    pub const fn is_frozen_worker(&self) -> bool {
        matches!(self.fault.action, Action::Freeze(Component::Worker(_)))
    }

    /// Whether a worker, PostgreSQL or a connection between the two was slow or silent.
    pub const fn slows_claims(&self) -> bool {
        match self.fault.action {
            Action::Freeze(component) => {
                matches!(component, Component::Worker(_) | Component::Postgres)
            }
            Action::Network(link, _) => {
                matches!(link.from, Component::Worker(_)) && matches!(link.to, Component::Postgres)
            }
            _ => false,
        }
    }

    /// Whether the fault or its consequences may have been felt from `from` until `until`.
    pub fn may_affect(&self, from: Instant, until: Instant) -> bool {
        self.from <= until && from <= self.until + RECOVERY
    }
}

/// Returns what was hurt from `from` until `until`.
pub fn hurt_during(periods: &[FaultPeriod], from: Instant, until: Instant) -> BTreeSet<Hurt> {
    let active = periods
        .iter()
        .filter(|period| period.may_affect(from, until));
    active.map(FaultPeriod::hurts).collect()
}

const fn of(component: Component) -> Hurt {
    match component {
        Component::Clients | Component::Api(_) => Hurt::Api,
        Component::Worker(_) | Component::Scheduler(_) => Hurt::Worker,
        Component::RabbitMq(_) => Hurt::RabbitMq,
        Component::Postgres => Hurt::Postgres,
    }
}

const fn of_link(link: Link) -> Hurt {
    match link.from {
        Component::Worker(_) | Component::Scheduler(_) => Hurt::Worker,
        _ => of(link.to),
    }
}

#[cfg(test)]
impl FaultPeriod {
    /// Creates the period of a fault of a component.
    pub fn of_component(component: Component, from: Instant, until: Instant) -> Self {
        let fault = Fault {
            kind: super::FaultKind::KillApi,
            after: Duration::ZERO,
            action: Action::Kill(component),
            lasts: Duration::ZERO,
        };
        Self { fault, from, until }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::proxy::Conditions;

    fn hurts(action: Action) -> Hurt {
        let now = Instant::now();
        let mut period = FaultPeriod::of_component(Component::Postgres, now, now);
        period.fault.action = action;
        period.hurts()
    }

    #[test]
    fn a_fault_hurts_what_an_api_process_sees() {
        let link = |from, to| Action::Network(Link { from, to }, Conditions::Dropped);
        let (api, worker) = (Component::Api(0), Component::Worker(0));
        let (broker, postgres) = (Component::RabbitMq(0), Component::Postgres);
        for (action, hurt) in [
            (Action::Kill(api), Hurt::Api),
            (link(Component::Clients, api), Hurt::Api),
            (Action::DiskAlarm(broker), Hurt::RabbitMq),
            (Action::KillLeader, Hurt::RabbitMq),
            (link(api, broker), Hurt::RabbitMq),
            (Action::ExhaustConnections, Hurt::Postgres),
            (Action::StepClock(SignedDuration::ZERO), Hurt::Postgres),
            (link(api, postgres), Hurt::Postgres),
            (link(worker, postgres), Hurt::Worker),
            (link(worker, broker), Hurt::Worker),
            (Action::KillScheduler(0), Hurt::Worker),
        ] {
            assert_eq!(hurts(action), hurt, "{action:?}");
        }
    }

    #[test]
    fn claims_are_slow_while_one_side_or_the_way_between_is() {
        let link = |from, to| Action::Network(Link { from, to }, Conditions::Dropped);
        let (worker, postgres) = (Component::Worker(1), Component::Postgres);
        for (action, slows) in [
            (Action::Freeze(worker), true),
            (Action::Freeze(postgres), true),
            (link(worker, postgres), true),
            (link(worker, Component::RabbitMq(0)), false),
            (link(Component::Api(0), postgres), false),
            (Action::Freeze(Component::Api(0)), false),
            (Action::Kill(postgres), false),
        ] {
            let now = Instant::now();
            let mut period = FaultPeriod::of_component(postgres, now, now);
            period.fault.action = action;
            assert_eq!(period.slows_claims(), slows, "{action:?}");
        }
    }

    #[test]
    fn the_consequences_of_a_fault_outlast_it() {
        let began = Instant::now();
        let at = |second| began + Duration::from_secs(second);
        let periods = [
            FaultPeriod::of_component(Component::RabbitMq(0), at(10), at(20)),
            FaultPeriod::of_component(Component::Postgres, at(35), at(40)),
        ];
        let hurt = |from, until| {
            let hurt = hurt_during(&periods, at(from), at(until));
            hurt.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(hurt(0, 9), []);
        assert_eq!(hurt(5, 15), [Hurt::RabbitMq]);
        assert_eq!(hurt(29, 31), [Hurt::RabbitMq]);
        assert_eq!(hurt(31, 34), []);
        assert_eq!(hurt(29, 36), [Hurt::RabbitMq, Hurt::Postgres]);
        assert_eq!(hurt(51, 99), []);
    }
}
