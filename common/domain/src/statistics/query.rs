use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::instant::StatsInstant;
use super::measure::Measure;
use super::range::{StatsRange, Step};
use crate::notification::Channel;

/// What distinguishes the series of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// The channels.
    Channel,
    /// What can become of a notification, or of an attempt.
    Outcome,
    /// The reasons of dead letters, suppressions, retries and refusals.
    Reason,
    /// The queues.
    Queue,
}

impl GroupBy {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Channel, Self::Outcome, Self::Reason, Self::Queue];

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Outcome => "outcome",
            Self::Reason => "reason",
            Self::Queue => "queue",
        }
    }
}

/// The text names no kind of group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be channel, outcome, reason or queue")]
pub struct UnknownGroup;

impl FromStr for GroupBy {
    type Err = UnknownGroup;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|by| by.as_str() == text).ok_or(UnknownGroup)
    }
}

/// What is wrong with a question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {message}")]
pub struct QueryProblem {
    /// The name of the parameter.
    pub field: &'static str,
    /// What is wrong with it, and what would be right.
    pub message: String,
}

impl QueryProblem {
    pub(super) fn new(field: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { field, message }
    }
}

/// A question about figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsQuery {
    /// The period.
    pub range: StatsRange,
    /// What distinguishes the series.
    pub by: GroupBy,
    /// What is counted: several measures if each is a series.
    pub measures: Vec<Measure>,
    /// Only figures of this channel.
    pub channel: Option<Channel>,
}

impl StatsQuery {
    /// Checks a question that is asked at `now`.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong, and what would be right.
    pub fn new(
        [from, to]: [StatsInstant; 2],
        step: Step,
        by: GroupBy,
        measure: Option<Measure>,
        channel: Option<Channel>,
        now: Timestamp,
    ) -> Result<Self, Vec<QueryProblem>> {
        let range = StatsRange::new(from.resolve(now), to.resolve(now), step, now);
        let measures = measures(by, measure);
        let by_queue = by == GroupBy::Queue && channel.is_some();
        let channel_problem =
            by_queue.then(|| QueryProblem::new("type", "cannot be combined with by=queue"));
        match (range, measures, channel_problem) {
            (Ok(range), Ok(measures), None) => Ok(Self {
                range,
                by,
                measures,
                channel,
            }),
            (range, measures, channel) => {
                let problems = [range.err(), measures.err(), channel];
                Err(problems.into_iter().flatten().collect())
            }
        }
    }

    /// The series that an answer has in any case, without figures too.
    pub(super) fn expected(&self) -> Vec<&'static str> {
        match self.by {
            GroupBy::Channel => match self.channel {
                Some(channel) => vec![channel.as_str()],
                None => Channel::ALL.map(Channel::as_str).to_vec(),
            },
            GroupBy::Outcome if self.measures != [Measure::Attempts] => {
                self.measures.iter().map(|one| one.as_str()).collect()
            }
            GroupBy::Outcome | GroupBy::Reason | GroupBy::Queue => Vec::new(),
        }
    }
}

/// The measures of a question.
fn measures(by: GroupBy, measure: Option<Measure>) -> Result<Vec<Measure>, QueryProblem> {
    let (default, allowed): (&[Measure], Vec<Measure>) = match by {
        GroupBy::Channel => {
            let all = Measure::ALL.into_iter();
            (
                &[Measure::Delivered],
                all.filter(|one| !one.is_gauge()).collect(),
            )
        }
        GroupBy::Outcome => (&Measure::OUTCOMES, vec![Measure::Attempts]),
        GroupBy::Reason => (&[Measure::DeadLettered], Measure::WITH_REASON.to_vec()),
        GroupBy::Queue => (&[Measure::Depth], Measure::OF_QUEUES.to_vec()),
    };
    match measure {
        None => Ok(default.to_vec()),
        Some(measure) if allowed.contains(&measure) => Ok(vec![measure]),
        Some(_) => {
            let names: Vec<&str> = allowed.iter().map(|one| one.as_str()).collect();
            let message = format!("must be one of {} with by={by}", names.join(", "));
            Err(QueryProblem::new("measure", message))
        }
    }
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(
        from: &str,
        by: GroupBy,
        measure: Option<Measure>,
        channel: Option<Channel>,
    ) -> Result<StatsQuery, Vec<QueryProblem>> {
        let from = from.parse().expect(from);
        let now = "2026-11-28T12:34:56Z".parse().expect("a time");
        StatsQuery::new(
            [from, StatsInstant::NOW],
            Step::Minute,
            by,
            measure,
            channel,
            now,
        )
    }

    #[test]
    fn each_kind_of_group_has_a_measure_of_its_own() {
        for (by, measure, measures, expected) in [
            (GroupBy::Channel, None, vec![Measure::Delivered], 5),
            (
                GroupBy::Channel,
                Some(Measure::Accepted),
                vec![Measure::Accepted],
                5,
            ),
            (GroupBy::Outcome, None, Measure::OUTCOMES.to_vec(), 9),
            (
                GroupBy::Outcome,
                Some(Measure::Attempts),
                vec![Measure::Attempts],
                0,
            ),
            (GroupBy::Reason, None, vec![Measure::DeadLettered], 0),
            (
                GroupBy::Reason,
                Some(Measure::Suppressed),
                vec![Measure::Suppressed],
                0,
            ),
            (GroupBy::Queue, None, vec![Measure::Depth], 0),
            (
                GroupBy::Queue,
                Some(Measure::Consumers),
                vec![Measure::Consumers],
                0,
            ),
        ] {
            let query = query("-1h", by, measure, None).expect("valid");
            assert_eq!(query.measures, measures, "{by}");
            assert_eq!(query.expected().len(), expected, "{by}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let sms = Some(Channel::Sms);
        for (from, by, measure, fields) in [
            (
                "-1h",
                GroupBy::Channel,
                Some(Measure::Depth),
                vec!["measure"],
            ),
            (
                "-1h",
                GroupBy::Reason,
                Some(Measure::Delivered),
                vec!["measure"],
            ),
            (
                "-1h",
                GroupBy::Outcome,
                Some(Measure::Failed),
                vec!["measure"],
            ),
            (
                "-7d",
                GroupBy::Queue,
                Some(Measure::Failed),
                vec!["step", "measure", "type"],
            ),
        ] {
            let problems = query(from, by, measure, sms).expect_err("wrong");
            let found: Vec<_> = problems.iter().map(|problem| problem.field).collect();
            assert_eq!(found, fields, "{by}");
        }
    }
}
