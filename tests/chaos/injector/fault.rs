use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use jiff::SignedDuration;

use crate::components::{Component, Link};
use crate::proxy::Conditions;

/// The kinds of faults, named as on the command line and in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum FaultKind {
    KillApi,
    KillWorker,
    KillRabbitmq,
    KillPostgres,
    FreezeApi,
    FreezeWorker,
    FreezeRabbitmq,
    FreezePostgres,
    RestartApi,
    RestartWorker,
    RestartRabbitmq,
    RestartPostgres,
    NetworkDropped,
    NetworkHalfOpen,
    NetworkSlow,
    NetworkReset,
    NetworkDelayed,
    DiskAlarm,
    MemoryAlarm,
    ConnectionsTerminated,
    ConnectionsExhausted,
    /// SIGKILL of a scheduler that holds leases.
    KillScheduler,
    /// PostgreSQL's clock steps forward or back, and later returns.
    ClockSteps,
    /// Only in a cluster: SIGKILL of the node that leads the intake queue.
    KillLeader,
}

impl FaultKind {
    /// Returns all kinds that are possible with `nodes` nodes of RabbitMQ.
    pub fn all(nodes: usize) -> Vec<Self> {
        let all = Self::value_variants().iter().copied();
        all.filter(|kind| nodes > 1 || *kind != Self::KillLeader)
            .collect()
    }

    /// Returns the name.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// What a fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// SIGKILL; started again when the fault ends.
    Kill(Component),
    /// SIGSTOP until the fault ends.
    Freeze(Component),
    /// Stopped cleanly and started again.
    Restart(Component),
    /// The link has these conditions until the fault ends.
    Network(Link, Conditions),
    /// The node raises its disk alarm until the fault ends.
    DiskAlarm(Component),
    /// The node raises its memory alarm until the fault ends.
    MemoryAlarm(Component),
    /// PostgreSQL terminates the connections of our programs.
    TerminateConnections,
    /// All connections of PostgreSQL are in use until the fault ends.
    ExhaustConnections,
    /// SIGKILL of the scheduler of this number while it holds leases; started again when the fault ends.
    KillScheduler(usize),
    /// PostgreSQL's clock differs from the machine's by this until the fault ends.
    StepClock(SignedDuration),
    /// SIGKILL of the node that leads the intake queue; started again when the fault ends.
    KillLeader,
}

/// A scheduled fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind, for the report.
    pub kind: FaultKind,
    /// Time since the start of the previous fault.
    pub after: Duration,
    /// What the fault does.
    pub action: Action,
    /// How long the fault lasts.
    pub lasts: Duration,
}

impl Fault {
    /// Whether the fault may start while `other` is active.
    pub fn is_compatible_with(&self, other: &Self) -> bool {
        match (self.action, other.action) {
            // The gap after a leader's death is measured.
            (Action::KillLeader, _) | (_, Action::KillLeader) => false,
            (Action::Network(one, _), Action::Network(another, _)) => one != another,
            // Even while PostgreSQL is stopped: it has another time when it returns.
            (Action::StepClock(_), _) | (_, Action::StepClock(_)) => self.kind != other.kind,
            _ => match (self.component(), other.component()) {
                // A cluster of three nodes tolerates one fault.
                (Some(Component::RabbitMq(_)), Some(Component::RabbitMq(_))) => false,
                (Some(one), Some(another)) => one != another,
                _ => true,
            },
        }
    }

    /// The component that no other fault may affect meanwhile.
    const fn component(&self) -> Option<Component> {
        match self.action {
            Action::Kill(component)
            | Action::Freeze(component)
            | Action::Restart(component)
            | Action::DiskAlarm(component)
            | Action::MemoryAlarm(component) => Some(component),
            Action::TerminateConnections | Action::ExhaustConnections => Some(Component::Postgres),
            Action::KillScheduler(n) => Some(Component::Scheduler(n)),
            Action::Network(..) | Action::KillLeader | Action::StepClock(_) => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.lasts.as_secs_f64();
        match self.action {
            Action::Kill(component) => write!(f, "kill {component}, start it {secs:.1} s later"),
            Action::Freeze(component) => write!(f, "freeze {component} for {secs:.1} s"),
            Action::Restart(component) => write!(f, "restart {component}"),
            Action::Network(link, conditions) => {
                write!(f, "network {link}: {conditions}, for {secs:.1} s")
            }
            Action::DiskAlarm(component) => write!(f, "disk alarm of {component} for {secs:.1} s"),
            Action::MemoryAlarm(component) => {
                write!(f, "memory alarm of {component} for {secs:.1} s")
            }
            Action::TerminateConnections => f.write_str("terminate PostgreSQL's connections"),
            Action::ExhaustConnections => {
                write!(f, "take all of PostgreSQL's connections for {secs:.1} s")
            }
            Action::KillScheduler(n) => {
                let scheduler = Component::Scheduler(n);
                write!(
                    f,
                    "kill {scheduler} during a release, start it {secs:.1} s later"
                )
            }
            Action::StepClock(by) => {
                let by = by.as_secs_f64();
                write!(
                    f,
                    "PostgreSQL's clock steps by {by:+.1} s, and back {secs:.1} s later"
                )
            }
            Action::KillLeader => write!(
                f,
                "kill the intake queue's leader, start it {secs:.1} s later"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(action: Action) -> Fault {
        Fault {
            kind: FaultKind::KillApi,
            after: Duration::ZERO,
            action,
            lasts: Duration::ZERO,
        }
    }

    fn compatible(one: Action, another: Action) -> bool {
        let (one, another) = (fault(one), fault(another));
        assert_eq!(
            one.is_compatible_with(&another),
            another.is_compatible_with(&one)
        );
        one.is_compatible_with(&another)
    }

    #[test]
    fn two_faults_never_affect_the_same_component_at_once() {
        let (api, other) = (Component::Api(0), Component::Api(1));
        assert!(!compatible(Action::Kill(api), Action::Freeze(api)));
        assert!(compatible(Action::Kill(api), Action::Freeze(other)));
        let postgres = Action::Restart(Component::Postgres);
        assert!(!compatible(postgres, Action::ExhaustConnections));
        assert!(compatible(postgres, Action::Kill(api)));
    }

    #[test]
    fn a_link_has_one_network_fault_and_may_lead_to_a_stopped_component() {
        let link = |to| Link {
            from: Component::Api(0),
            to,
        };
        let bad = |to| Action::Network(link(to), Conditions::Dropped);
        let (broker, postgres) = (Component::RabbitMq(0), Component::Postgres);
        assert!(!compatible(bad(broker), bad(broker)));
        assert!(compatible(bad(broker), bad(postgres)));
        assert!(compatible(bad(broker), Action::Kill(broker)));
    }

    #[test]
    fn two_nodes_are_never_faulty_at_once() {
        let [one, another] = [Component::RabbitMq(0), Component::RabbitMq(1)];
        assert!(!compatible(Action::Kill(one), Action::Freeze(another)));
        assert!(!compatible(
            Action::Restart(one),
            Action::MemoryAlarm(another)
        ));
    }

    #[test]
    fn a_clock_may_step_while_its_server_is_stopped_but_not_twice() {
        let step = |secs| Fault {
            kind: FaultKind::ClockSteps,
            ..fault(Action::StepClock(SignedDuration::from_secs(secs)))
        };
        assert!(!step(1).is_compatible_with(&step(2)));
        assert!(step(1).is_compatible_with(&fault(Action::Kill(Component::Postgres))));
    }

    #[test]
    fn a_leader_is_killed_without_another_fault() {
        assert!(!compatible(
            Action::KillLeader,
            Action::Kill(Component::Worker(0))
        ));
    }

    #[test]
    fn every_kind_has_its_command_line_name() {
        let names: Vec<_> = FaultKind::all(3).into_iter().map(FaultKind::name).collect();
        assert_eq!(names.len(), 24);
        for name in ["kill_rabbitmq", "kill_scheduler", "clock_steps"] {
            assert!(names.contains(&name.to_owned()), "{names:?}");
        }
        assert!(!FaultKind::all(1).contains(&FaultKind::KillLeader));
    }
}
