use jiff::civil::Weekday;
use serde::Serialize;
use serde_json::value::RawValue;

use super::week::{DAY, Span};
use crate::content::{FieldProblem, FieldProblems};
use crate::json::{Members, shown};
use crate::time::TimeOfDay;

/// The part of some days in which nobody wants to be disturbed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuietWindow {
    days: Weekdays,
    from: TimeOfDay,
    to: TimeOfDay,
}

/// Days of the week: 1 is Monday, 7 is Sunday. At least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
struct Weekdays(Vec<u8>);

const WRONG_TYPE: &str = "must be an object with days, from and to";

const WRONG_DAYS: &str = "must be a list of different numbers from 1 (Monday) to 7 (Sunday)";

const FIELDS: [&str; 3] = ["days", "from", "to"];

impl QuietWindow {
    /// Reads the JSON value at `path`.
    pub(super) fn read(value: &RawValue, path: &str, problems: &mut FieldProblems) -> Option<Self> {
        let Ok(members) = serde_json::from_str::<Members>(value.get()) else {
            problems.invalid(path, WRONG_TYPE);
            return None;
        };
        for (index, (name, _)) in members.0.iter().enumerate() {
            let field = || format!("{path}.{}", shown(name));
            if !FIELDS.contains(&name.as_ref()) {
                problems.unknown(field(), "quiet");
            } else if members.0[..index].iter().any(|(other, _)| other == name) {
                problems.repeated(field());
            }
        }
        let [days, from, to] = FIELDS.map(|name| {
            let value = members.get(name);
            if value.is_none() {
                problems.missing(format!("{path}.{name}"));
            }
            value
        });
        let days = days.and_then(|value| {
            problems.check(
                &format!("{path}.days"),
                Weekdays::read(value).ok_or(WRONG_DAYS),
            )
        });
        let mut time = |name: &str, value: Option<&RawValue>| {
            let text = serde_json::from_str::<String>(value?.get()).unwrap_or_default();
            problems.check(&format!("{path}.{name}"), text.parse::<TimeOfDay>())
        };
        let (from, to) = (time("from", from), time("to", to));
        let (from, to) = from.zip(to)?;
        if from == to {
            problems.invalid(format!("{path}.to"), "must differ from from");
        }
        days.map(|days| Self { days, from, to })
    }

    /// The parts of the week that the window covers: one for each of its days. One that ends at or before the time at which
    /// it begins ends on the next day.
    pub(super) fn spans(&self) -> impl Iterator<Item = Span> {
        let (from, to) = (self.from.minutes(), self.to.minutes());
        let minutes = if to > from {
            to - from
        } else {
            DAY - from + to
        };
        self.days.0.iter().map(move |day| Span {
            start: (u16::from(*day) - 1) * DAY + from,
            minutes,
        })
    }
}

impl Weekdays {
    fn read(value: &RawValue) -> Option<Self> {
        // More days than a week has are not read.
        let days: Vec<u8> = serde_json::from_str(value.get()).ok()?;
        let differ = |index: usize| !days[..index].contains(&days[index]);
        let is_valid = (1..=7).contains(&days.len())
            && days.iter().all(|day| (1..=7).contains(day))
            && (0..days.len()).all(differ);
        is_valid.then_some(Self(days))
    }
}

/// The minute of the week at the start of a day.
pub(super) fn start_of(day: Weekday) -> u16 {
    u16::from(day.to_monday_zero_offset().unsigned_abs()) * DAY
}

/// Reads a list of windows.
pub(super) fn read_windows(
    value: &RawValue,
    field: &str,
    max: usize,
) -> Result<Vec<QuietWindow>, Vec<FieldProblem>> {
    let mut problems = FieldProblems::default();
    let list: Option<Vec<&RawValue>> = serde_json::from_str(value.get()).ok();
    let Some(list) = list.filter(|list| list.len() <= max) else {
        problems.invalid(field, format!("must be a list of at most {max} windows"));
        return Err(problems.into_vec());
    };
    let mut windows = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        windows.extend(QuietWindow::read(
            value,
            &format!("{field}[{index}]"),
            &mut problems,
        ));
    }
    if problems.is_empty() {
        Ok(windows)
    } else {
        Err(problems.into_vec())
    }
}
