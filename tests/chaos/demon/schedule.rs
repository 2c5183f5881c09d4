use std::ops::RangeInclusive;
use std::time::Duration;

use super::act::{Act, Deed, Kind};
use crate::dice::Dice;
use crate::parts::{Link, PROCESSES, Part};
use crate::proxy::{Direction, Weather};

/// From one act to the next, in milliseconds.
const BETWEEN: RangeInclusive<u64> = 8_000..=20_000;

/// How long what is killed stays down, in milliseconds, before its supervisor starts it again.
const DOWN: RangeInclusive<u64> = 0..=10_000;

/// How long anything else lasts, in milliseconds.
const LASTS: RangeInclusive<u64> = 1_000..=20_000;

/// What the demon does, without end. It depends on the seed, the number of nodes and the kinds alone.
///
/// Kinds are dealt like cards: all of them, in a random order, before one comes again.
pub struct Schedule {
    dice: Dice,
    nodes: usize,
    links: Vec<Link>,
    kinds: Vec<Kind>,
    deck: Vec<Kind>,
}

impl Schedule {
    /// With these `kinds`, of which there must be some.
    pub fn new(seed: u64, nodes: usize, kinds: Vec<Kind>) -> Self {
        Self {
            dice: Dice::new(seed),
            nodes,
            links: Link::all(nodes),
            kinds,
            deck: Vec::new(),
        }
    }

    fn deed(&mut self, kind: Kind) -> Deed {
        // Rolled for every kind, so that the rest of the schedule is the same whatever this one needs.
        let process = self.dice.place(PROCESSES);
        let node = Part::RabbitMq(self.dice.place(self.nodes));
        let link = self.links[self.dice.place(self.links.len())];
        let weather = self.weather(kind);
        match kind {
            Kind::KillApi => Deed::Kill(Part::Api(process)),
            Kind::KillWorker => Deed::Kill(Part::Worker(process)),
            Kind::KillRabbitmq => Deed::Kill(node),
            Kind::KillPostgres => Deed::Kill(Part::Postgres),
            Kind::FreezeApi => Deed::Freeze(Part::Api(process)),
            Kind::FreezeWorker => Deed::Freeze(Part::Worker(process)),
            Kind::FreezeRabbitmq => Deed::Freeze(node),
            Kind::FreezePostgres => Deed::Freeze(Part::Postgres),
            Kind::RestartApi => Deed::Restart(Part::Api(process)),
            Kind::RestartWorker => Deed::Restart(Part::Worker(process)),
            Kind::RestartRabbitmq => Deed::Restart(node),
            Kind::RestartPostgres => Deed::Restart(Part::Postgres),
            Kind::NetworkDropped
            | Kind::NetworkHalfOpen
            | Kind::NetworkSlow
            | Kind::NetworkReset
            | Kind::NetworkDelayed => Deed::Network(link, weather),
            Kind::DiskAlarm => Deed::DiskAlarm(node),
            Kind::MemoryAlarm => Deed::MemoryAlarm(node),
            Kind::ConnectionsTerminated => Deed::TerminateConnections,
            Kind::ConnectionsExhausted => Deed::ExhaustConnections,
            Kind::KillLeader => Deed::KillLeader,
        }
    }

    fn weather(&mut self, kind: Kind) -> Weather {
        let rate = self.dice.within(2_000..=8_000);
        let delay = self.dice.millis(50..=2_000);
        let way = [Direction::There, Direction::Back][self.dice.place(2)];
        match kind {
            Kind::NetworkDropped => Weather::Dropped,
            Kind::NetworkHalfOpen => Weather::HalfOpen(way),
            Kind::NetworkSlow => Weather::Slow(u32::try_from(rate).unwrap_or(u32::MAX)),
            Kind::NetworkReset => Weather::Reset,
            Kind::NetworkDelayed => Weather::Delayed(delay),
            _ => Weather::Clear,
        }
    }

    fn lasts(&mut self, deed: Deed) -> Duration {
        let (down, lasts) = (self.dice.millis(DOWN), self.dice.millis(LASTS));
        match deed {
            Deed::Kill(_) | Deed::KillLeader => down,
            Deed::Restart(_) | Deed::TerminateConnections => Duration::ZERO,
            _ => lasts,
        }
    }
}

impl Iterator for Schedule {
    type Item = Act;

    fn next(&mut self) -> Option<Act> {
        if self.deck.is_empty() {
            self.deck.clone_from(&self.kinds);
            self.dice.shuffle(&mut self.deck);
        }
        let kind = self.deck.pop()?;
        let after = self.dice.millis(BETWEEN);
        let deed = self.deed(kind);
        let lasts = self.lasts(deed);
        Some(Act {
            kind,
            after,
            deed,
            lasts,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn acts(seed: u64, nodes: usize, n: usize) -> Vec<Act> {
        let schedule = Schedule::new(seed, nodes, Kind::all(nodes));
        schedule.take(n).collect()
    }

    #[test]
    fn a_seed_means_the_same_acts_and_another_seed_means_others() {
        assert_eq!(acts(7, 1, 200), acts(7, 1, 200));
        assert_ne!(acts(7, 1, 20), acts(8, 1, 20));
    }

    #[test]
    fn every_kind_comes_up_before_one_comes_again() {
        for nodes in [1, 3] {
            let kinds = Kind::all(nodes);
            for hand in acts(3, nodes, 5 * kinds.len()).chunks(kinds.len()) {
                let dealt: BTreeSet<_> = hand.iter().map(|act| act.kind).collect();
                assert_eq!(dealt.len(), kinds.len());
            }
        }
    }

    #[test]
    fn pauses_and_faults_are_as_long_as_they_may_be() {
        for act in acts(11, 3, 1000) {
            assert!((8.0..=20.0).contains(&act.after.as_secs_f64()), "{act:?}");
            let lasts = act.lasts.as_secs_f64();
            match act.deed {
                Deed::Kill(_) | Deed::KillLeader => assert!(lasts <= 10.0, "{act:?}"),
                Deed::Restart(_) | Deed::TerminateConnections => {
                    assert!(act.lasts.is_zero(), "{act:?}");
                }
                _ => assert!((1.0..=20.0).contains(&lasts), "{act:?}"),
            }
        }
    }

    #[test]
    fn in_the_long_run_everything_happens_to_everyone() {
        let acts = acts(5, 3, 3000);
        let parts: BTreeSet<_> = acts
            .iter()
            .filter_map(|act| match act.deed {
                Deed::Kill(part) | Deed::Freeze(part) | Deed::Restart(part) => Some(part),
                _ => None,
            })
            .collect();
        assert_eq!(parts.len(), 2 + 2 + 3 + 1);
        let links: BTreeSet<_> = acts
            .iter()
            .filter_map(|act| match act.deed {
                Deed::Network(link, _) => Some(link),
                _ => None,
            })
            .collect();
        assert_eq!(links.len(), Link::all(3).len());
    }

    #[test]
    fn kinds_can_be_chosen() {
        let schedule = Schedule::new(1, 1, vec![Kind::KillWorker]);
        assert!(schedule.take(10).all(|act| act.kind == Kind::KillWorker));
    }
}
