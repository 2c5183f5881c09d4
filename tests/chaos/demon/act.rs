use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use crate::parts::{Link, Part};
use crate::proxy::Weather;

/// The kinds of faults. Their names are those of the command line and of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Kind {
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
    /// In a cluster alone: SIGKILL of the node that leads the intake queue.
    KillLeader,
}

impl Kind {
    /// All that there are with `nodes` nodes of RabbitMQ.
    pub fn all(nodes: usize) -> Vec<Self> {
        let all = Self::value_variants().iter().copied();
        all.filter(|kind| nodes > 1 || *kind != Self::KillLeader)
            .collect()
    }

    /// Its name.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// SIGKILL; it is started again when the act is over.
    Kill(Part),
    /// SIGSTOP until the act is over.
    Freeze(Part),
    /// Stopped in good order and started again.
    Restart(Part),
    /// The network is as bad as this until the act is over.
    Network(Link, Weather),
    /// This node says that it is short of disk space, until the act is over.
    DiskAlarm(Part),
    /// This node says that it is short of memory, until the act is over.
    MemoryAlarm(Part),
    /// PostgreSQL terminates the connections of our programs.
    TerminateConnections,
    /// All of PostgreSQL's connections are taken until the act is over.
    ExhaustConnections,
    /// SIGKILL of the node that leads the intake queue; it is started again when the act is over.
    KillLeader,
}

/// One deed of the demon's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act {
    /// For the report.
    pub kind: Kind,
    /// How long after the act before.
    pub after: Duration,
    /// What.
    pub deed: Deed,
    /// For how long.
    pub lasts: Duration,
}

impl Act {
    /// Whether it may begin while `other` goes on.
    pub fn goes_with(&self, other: &Self) -> bool {
        match (self.deed, other.deed) {
            // What comes of a leader's death is timed.
            (Deed::KillLeader, _) | (_, Deed::KillLeader) => false,
            (Deed::Network(one, _), Deed::Network(another, _)) => one != another,
            _ => match (self.holds(), other.holds()) {
                // Never more than one node of three, whatever it is that one does.
                (Some(Part::RabbitMq(_)), Some(Part::RabbitMq(_))) => false,
                (Some(one), Some(another)) => one != another,
                _ => true,
            },
        }
    }

    /// The part that is not to be touched meanwhile.
    const fn holds(&self) -> Option<Part> {
        match self.deed {
            Deed::Kill(part)
            | Deed::Freeze(part)
            | Deed::Restart(part)
            | Deed::DiskAlarm(part)
            | Deed::MemoryAlarm(part) => Some(part),
            Deed::TerminateConnections | Deed::ExhaustConnections => Some(Part::Postgres),
            Deed::Network(..) | Deed::KillLeader => None,
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.lasts.as_secs_f64();
        match self.deed {
            Deed::Kill(part) => write!(f, "kills {part}, to be started {secs:.1} s later"),
            Deed::Freeze(part) => write!(f, "freezes {part} for {secs:.1} s"),
            Deed::Restart(part) => write!(f, "restarts {part}"),
            Deed::Network(link, weather) => write!(f, "network {link}: {weather}, for {secs:.1} s"),
            Deed::DiskAlarm(part) => write!(f, "disk alarm of {part} for {secs:.1} s"),
            Deed::MemoryAlarm(part) => write!(f, "memory alarm of {part} for {secs:.1} s"),
            Deed::TerminateConnections => f.write_str("terminates PostgreSQL's connections"),
            Deed::ExhaustConnections => {
                write!(f, "takes all of PostgreSQL's connections for {secs:.1} s")
            }
            Deed::KillLeader => write!(
                f,
                "kills the intake queue's leader, to be started {secs:.1} s later"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(deed: Deed) -> Act {
        Act {
            kind: Kind::KillApi,
            after: Duration::ZERO,
            deed,
            lasts: Duration::ZERO,
        }
    }

    fn go_together(one: Deed, another: Deed) -> bool {
        let (one, another) = (act(one), act(another));
        assert_eq!(one.goes_with(&another), another.goes_with(&one));
        one.goes_with(&another)
    }

    #[test]
    fn nothing_happens_twice_to_the_same_part_at_the_same_time() {
        let (api, other) = (Part::Api(0), Part::Api(1));
        assert!(!go_together(Deed::Kill(api), Deed::Freeze(api)));
        assert!(go_together(Deed::Kill(api), Deed::Freeze(other)));
        let postgres = Deed::Restart(Part::Postgres);
        assert!(!go_together(postgres, Deed::ExhaustConnections));
        assert!(go_together(postgres, Deed::Kill(api)));
    }

    #[test]
    fn a_link_has_one_weather_and_may_lead_to_what_is_down() {
        let link = |to| Link {
            from: Part::Api(0),
            to,
        };
        let bad = |to| Deed::Network(link(to), Weather::Dropped);
        let (broker, postgres) = (Part::RabbitMq(0), Part::Postgres);
        assert!(!go_together(bad(broker), bad(broker)));
        assert!(go_together(bad(broker), bad(postgres)));
        assert!(go_together(bad(broker), Deed::Kill(broker)));
    }

    #[test]
    fn never_are_two_nodes_in_trouble() {
        let [one, another] = [Part::RabbitMq(0), Part::RabbitMq(1)];
        assert!(!go_together(Deed::Kill(one), Deed::Freeze(another)));
        assert!(!go_together(Deed::Restart(one), Deed::MemoryAlarm(another)));
    }

    #[test]
    fn the_death_of_a_leader_is_alone() {
        assert!(!go_together(Deed::KillLeader, Deed::Kill(Part::Worker(0))));
    }

    #[test]
    fn a_kind_is_called_the_same_everywhere() {
        let names: Vec<_> = Kind::all(3).into_iter().map(Kind::name).collect();
        assert_eq!(names.len(), 22);
        assert!(names.contains(&"kill_rabbitmq".to_owned()), "{names:?}");
        assert!(!Kind::all(1).contains(&Kind::KillLeader));
    }
}
