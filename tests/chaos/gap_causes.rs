//! Which servers were hurt during the times without a 202.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clients::Gap;
use crate::injector::{FaultPeriod, Hurt, hurt_during};

/// The longest time without a 202 for each combination of what was hurt meanwhile, such as `rabbitmq` or `api+postgres`, and
/// `nothing`. Workers do not count: no POST needs them.
pub type GapsByHurt = BTreeMap<String, Duration>;

/// Finds the longest gap for each combination of what was hurt.
pub fn longest_by_hurt(gaps: &[Gap], periods: &[FaultPeriod]) -> GapsByHurt {
    let mut longest = GapsByHurt::new();
    for gap in gaps {
        let hurt = hurt_during(periods, gap.from, gap.until);
        let names = hurt.into_iter().filter(|hurt| *hurt != Hurt::Worker);
        let names: Vec<_> = names.map(|hurt| hurt.to_string()).collect();
        let name = if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join("+")
        };
        let known = longest.entry(name).or_default();
        *known = gap.length().max(*known);
    }
    longest
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::components::Component;

    #[test]
    fn a_gap_belongs_to_everything_that_was_hurt_during_it() {
        let began = Instant::now();
        let at = |second| began + Duration::from_secs(second);
        let gap = |from, until| Gap {
            from: at(from),
            until: at(until),
        };
        let period =
            |component, from, until| FaultPeriod::of_component(component, at(from), at(until));
        let periods = [
            period(Component::RabbitMq(0), 10, 20),
            period(Component::Worker(0), 12, 20),
            period(Component::Postgres, 100, 110),
            period(Component::Api(1), 105, 120),
        ];
        let gaps = [
            gap(0, 3),
            gap(11, 12),
            gap(15, 17),
            gap(99, 101),
            gap(103, 109),
        ];
        let expected = [
            ("nothing", 3),
            ("rabbitmq", 2),
            ("postgres", 2),
            ("api+postgres", 6),
        ];
        let expected = expected.map(|(name, secs)| (name.to_owned(), Duration::from_secs(secs)));
        assert_eq!(longest_by_hurt(&gaps, &periods), expected.into());
    }
}
