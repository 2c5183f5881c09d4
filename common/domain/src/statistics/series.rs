use std::collections::BTreeMap;

use jiff::Timestamp;

use super::histogram::percentile;
use super::query::StatsQuery;
use super::tally::Tally;

/// Maximum number of points in all series of an answer together.
pub const MAX_POINTS_IN_ALL: usize = 30_000;

/// What is stored about a step and one value of what distinguishes the series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupedTally {
    /// The step.
    pub at: Timestamp,
    /// The channel, the outcome, the reason or the queue.
    pub by: String,
    /// The figures.
    pub tally: Tally,
}

/// The figures of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The start of the step.
    pub at: Timestamp,
    /// How many, or the largest sample.
    pub n: u64,
    /// The median of the durations; `None` without durations.
    pub p50_ms: Option<u64>,
    /// The 95th percentile of the durations; `None` without durations.
    pub p95_ms: Option<u64>,
}

/// The figures of a period, one point for each step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The channel, the outcome, the reason or the queue.
    pub by: String,
    /// One point for each step: zero if nothing happened.
    pub points: Vec<Point>,
    /// The whole period.
    pub total: Point,
}

/// The answer would have too many points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "gives {0} points in all series, and at most {MAX_POINTS_IN_ALL} are returned; use a longer step or a shorter period"
)]
pub struct TooManyPoints(usize);

/// Arranges what is stored into series: first those that the question asks for, then the others by name.
///
/// # Errors
///
/// Returns an error if the series would have too many points together.
pub fn series(query: &StatsQuery, rows: Vec<GroupedTally>) -> Result<Vec<Series>, TooManyPoints> {
    let expected = query.expected();
    let mut others: BTreeMap<String, Vec<GroupedTally>> = BTreeMap::new();
    for name in &expected {
        others.insert((*name).to_owned(), Vec::new());
    }
    for row in rows {
        match others.get_mut(&row.by) {
            Some(group) => group.push(row),
            None => {
                others.insert(row.by.clone(), vec![row]);
            }
        }
    }
    let points = others.len().saturating_mul(query.range.len());
    if points > MAX_POINTS_IN_ALL {
        return Err(TooManyPoints(points));
    }
    let first = expected
        .iter()
        .filter_map(|name| others.remove_entry(*name));
    let mut groups: Vec<(String, Vec<GroupedTally>)> = first.collect();
    groups.extend(others);
    let arranged = groups
        .into_iter()
        .map(|(by, rows)| one_series(query, by, &rows));
    Ok(arranged.collect())
}

fn one_series(query: &StatsQuery, by: String, rows: &[GroupedTally]) -> Series {
    let range = query.range;
    let mut steps = vec![Tally::default(); range.len()];
    let mut total = Tally::default();
    // All measures of a question are combined in the same way.
    let Some(measure) = query.measures.first().copied() else {
        return Series {
            by,
            points: Vec::new(),
            total: point(range.from(), &total),
        };
    };
    for row in rows {
        if let Some(place) = range.place_of(row.at) {
            steps[place].merge(&row.tally, measure);
            total.merge(&row.tally, measure);
        }
    }
    let points = steps.iter().enumerate();
    Series {
        by,
        points: points
            .map(|(place, tally)| point(range.time_of(place), tally))
            .collect(),
        total: point(range.from(), &total),
    }
}

fn point(at: Timestamp, tally: &Tally) -> Point {
    Point {
        at,
        n: tally.n,
        p50_ms: percentile(&tally.buckets, 50),
        p95_ms: percentile(&tally.buckets, 95),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{GroupBy, Measure, StatsInstant, Step};
    use super::*;

    fn query(from: &str, by: GroupBy, measure: Option<Measure>) -> StatsQuery {
        let from = from.parse().expect(from);
        let now = "2026-11-28T12:02:30Z".parse().expect("a time");
        StatsQuery::new(
            [from, StatsInstant::NOW],
            Step::Minute,
            by,
            measure,
            None,
            now,
        )
        .expect("valid")
    }

    fn row(at: &str, by: &str, n: u64) -> GroupedTally {
        let mut tally = Tally::default();
        tally.add(n);
        GroupedTally {
            at: at.parse().expect(at),
            by: by.to_owned(),
            tally,
        }
    }

    #[test]
    fn the_minutes_between_are_zero_and_the_series_in_order() {
        let query = query("-2m", GroupBy::Channel, Some(Measure::Accepted));
        let rows = vec![
            row("2026-11-28T12:02:00Z", "unknown", 1),
            row("2026-11-28T12:02:00Z", "sms", 2),
            row("2026-11-28T12:00:00Z", "sms", 3),
            row("2026-11-28T11:00:00Z", "sms", 100),
        ];
        let found = series(&query, rows).expect("few points");
        let names: Vec<_> = found.iter().map(|one| one.by.as_str()).collect();
        assert_eq!(
            names,
            ["in-app", "email", "sms", "push", "webhook", "unknown"]
        );
        let counts: Vec<u64> = found[2].points.iter().map(|point| point.n).collect();
        assert_eq!((counts, found[2].total.n), (vec![3, 0, 2], 5));
        assert!(
            found[0]
                .points
                .iter()
                .all(|point| point.n == 0 && point.p50_ms.is_none())
        );
    }

    #[test]
    fn durations_have_percentiles_and_gauges_a_maximum() {
        let durations = query("-2m", GroupBy::Channel, None);
        let mut slow = row("2026-11-28T12:01:00Z", "sms", 0);
        slow.tally.observe(Duration::from_secs(2));
        let found = series(&durations, vec![slow]).expect("few points");
        assert_eq!(
            (found[2].points[1].p50_ms, found[2].points[1].p95_ms),
            (Some(2000), Some(2000))
        );
        let depth = query("-2m", GroupBy::Queue, None);
        let rows = [("2026-11-28T12:00:00Z", 3), ("2026-11-28T12:01:00Z", 2)];
        let rows = rows.map(|(at, n)| row(at, "intake", n));
        let found = series(&depth, rows.into()).expect("few points");
        assert_eq!(found[0].total.n, 3);
    }

    #[test]
    fn an_answer_with_too_many_points_is_refused() {
        let query = query("-24h", GroupBy::Reason, None);
        let rows =
            |count: usize| (0..count).map(|n| row("2026-11-28T12:00:00Z", &format!("r{n}"), 1));
        assert!(series(&query, rows(20).collect()).is_ok());
        assert_eq!(
            series(&query, rows(21).collect()),
            Err(TooManyPoints(21 * 1441))
        );
    }
}
