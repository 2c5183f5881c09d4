use std::fmt::Display;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use tidings_domain::notification::Channel;
use tidings_domain::statistics::{
    GroupBy, Measure, QueryProblem, StatsInstant, StatsQuery, Step, TooManyPoints,
};

use crate::error::{ApiError, ErrorDetail};
use crate::query::{invalid, read, value};

/// The period that is asked for without `from`.
const DEFAULT_PERIOD: SignedDuration = SignedDuration::from_hours(1);

/// Parses a query string that arrives at `now`.
///
/// # Errors
///
/// Returns 400 with everything that is wrong, unknown and repeated parameters included.
pub(super) fn parse(text: &str, now: Timestamp) -> Result<StatsQuery, ApiError> {
    let mut from = StatsInstant::Ago(DEFAULT_PERIOD);
    let mut to = StatsInstant::NOW;
    let (mut step, mut by) = (Step::Minute, GroupBy::Outcome);
    let (mut measure, mut channel) = (None::<Measure>, None::<Channel>);
    read(text, |name, given, problems| {
        match name {
            "from" => set(&mut from, problems, name, given),
            "to" => set(&mut to, problems, name, given),
            "step" => set(&mut step, problems, name, given),
            "by" => set(&mut by, problems, name, given),
            "measure" => measure = value(problems, name, given, None),
            "type" => channel = value(problems, name, given, None),
            _ => return false,
        }
        true
    })?;
    StatsQuery::new([from, to], step, by, measure, channel, now)
        .map_err(|problems| invalid(problems.into_iter().map(detail).collect()))
}

/// The 400 for an answer that would be too large.
pub(super) fn too_many_points(error: TooManyPoints) -> ApiError {
    invalid(vec![ErrorDetail::new("step", error.to_string())])
}

fn set<T: FromStr<Err: Display>>(
    setting: &mut T,
    problems: &mut Vec<ErrorDetail>,
    name: &str,
    given: &str,
) {
    if let Some(valid) = value(problems, name, given, None) {
        *setting = valid;
    }
}

fn detail(problem: QueryProblem) -> ErrorDetail {
    ErrorDetail::new(problem.field, problem.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-28T12:34:56Z".parse().expect("a time")
    }

    #[test]
    fn the_last_hour_by_outcome_is_the_default() {
        let query = parse("", now()).expect("valid");
        assert_eq!((query.by, query.range.len()), (GroupBy::Outcome, 61));
        let text =
            "from=-7d&to=2026-11-28T13:00:00%2B01:00&step=1h&by=channel&measure=accepted&type=sms";
        let query = parse(text, now()).expect("valid");
        assert_eq!(query.range.to().to_string(), "2026-11-28T12:00:00Z");
        assert_eq!(query.measures, [Measure::Accepted]);
        assert_eq!(query.channel, Some(Channel::Sms));
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        for (text, wrong) in [
            (
                "from=yesterday&to=-1y&step=2m&by=user&measure=sent&type=fax&limit=1",
                vec!["from", "to", "step", "by", "measure", "type", "limit"],
            ),
            ("from=-7d&measure=depth", vec!["step", "measure"]),
            ("by=queue&type=sms&to=-2h", vec!["from", "type"]),
        ] {
            let error = parse(text, now()).expect_err("wrong");
            let fields: Vec<_> = error.details.iter().map(|d| d.field.as_str()).collect();
            assert_eq!(fields, wrong, "{text}");
        }
    }
}
