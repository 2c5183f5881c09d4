//! The syntax of the five fields.
//!
//! `croner` accepts more than a cron pattern: nicknames, seconds, years, empty lists, and names inside of other words. An
//! empty list would make its search very long. So the syntax is checked first, which also finds the wrong field.

/// A field of a cron pattern.
pub(super) struct Field {
    /// The name, for errors.
    pub(super) name: &'static str,
    min: u8,
    max: u8,
    /// Names of the values, from `min` on, in capitals.
    names: &'static [&'static str],
    /// Whether a part that has neither `*` nor a range may have another form.
    is_special: fn(&Field, &str) -> bool,
}

/// The fields, in their order.
pub(super) const FIELDS: [Field; 5] = [
    Field {
        name: "minute",
        min: 0,
        max: 59,
        names: &[],
        is_special: |_, _| false,
    },
    Field {
        name: "hour",
        min: 0,
        max: 23,
        names: &[],
        is_special: |_, _| false,
    },
    Field {
        name: "day of month",
        min: 1,
        max: 31,
        names: &[],
        is_special: Field::is_last_or_weekday,
    },
    Field {
        name: "month",
        min: 1,
        max: 12,
        names: &[
            "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ],
        is_special: |_, _| false,
    },
    Field {
        name: "day of week",
        min: 0,
        max: SUNDAY,
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        is_special: Field::is_nth_or_last,
    },
];

/// Sunday as the end of a range. At the beginning, it is 0.
const SUNDAY: u8 = 7;

impl Field {
    /// The first part that is wrong. `field` is in capitals.
    pub(super) fn wrong_part<'a>(&self, field: &'a str) -> Option<&'a str> {
        field.split(',').find(|part| !self.is_part(part))
    }

    fn is_part(&self, part: &str) -> bool {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let is_step = |step| number(step).is_some_and(|step| (1..=self.max).contains(&step));
        if !step.is_none_or(is_step) {
            return false;
        }
        if range == "*" {
            return true;
        }
        match range.split_once('-') {
            Some((start, end)) => self.is_range(start, end),
            None => step.is_none() && (self.value(part).is_some() || (self.is_special)(self, part)),
        }
    }

    fn is_range(&self, start: &str, end: &str) -> bool {
        let ends_on_sunday = self.max == SUNDAY && end == "SUN";
        let end = if ends_on_sunday {
            Some(SUNDAY)
        } else {
            self.value(end)
        };
        self.value(start)
            .zip(end)
            .is_some_and(|(start, end)| start <= end)
    }

    fn value(&self, text: &str) -> Option<u8> {
        let named = self.names.iter().position(|name| *name == text);
        let value = match named {
            Some(index) => self.min + u8::try_from(index).ok()?,
            None => number(text)?,
        };
        (self.min..=self.max).contains(&value).then_some(value)
    }

    /// `L`, `LW` or `15W`: the last day, the last weekday, or the weekday that is nearest to a day of the month.
    fn is_last_or_weekday(&self, part: &str) -> bool {
        let weekday = part.strip_suffix('W');
        matches!(part, "L" | "LW") || weekday.is_some_and(|day| self.value(day).is_some())
    }

    /// `5#2` or `5L`: the second, or the last Friday of the month.
    fn is_nth_or_last(&self, part: &str) -> bool {
        if let Some(day) = part.strip_suffix('L') {
            return self.value(day).is_some();
        }
        let nth = part.split_once('#');
        nth.is_some_and(|(day, nth)| {
            self.value(day).is_some() && number(nth).is_some_and(|nth| (1..=5).contains(&nth))
        })
    }
}

/// A number of one or two digits.
fn number(text: &str) -> Option<u8> {
    let is_short = (1..=2).contains(&text.len());
    let is_number = is_short && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}
