//! Parts of the week, by the minutes of a clock.

/// The minutes of a day.
pub const DAY: u16 = 24 * 60;

/// The minutes of a week.
pub const WEEK: u16 = 7 * DAY;

/// A part of the week. May go on beyond its end, into the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first minute of the span, counted from Monday at midnight. Less than [`WEEK`].
    pub start: u16,
    /// How many minutes it has, at most [`WEEK`].
    pub minutes: u16,
}

impl Span {
    /// How many minutes of the span are left at `minute` of the week, this one included. 0 if the span does not contain it.
    const fn left(self, minute: u16) -> u16 {
        let passed = (minute + WEEK - self.start) % WEEK;
        self.minutes.saturating_sub(passed)
    }

    /// How many minutes after `minute` of the week the span begins.
    const fn begins_after(self, minute: u16) -> u16 {
        (self.start + WEEK - minute) % WEEK
    }
}

/// Whether one of the spans contains `minute` of the week.
pub fn contains(spans: &[Span], minute: u16) -> bool {
    spans.iter().any(|span| span.left(minute) > 0)
}

/// How many minutes after `minute` of the week no span contains the minute. 0 if none contains `minute` itself; `None` if
/// the spans contain the whole week.
pub fn minutes_until_outside(spans: &[Span], minute: u16) -> Option<u16> {
    let mut passed = 0;
    while passed < WEEK {
        let current = (minute + passed) % WEEK;
        match spans.iter().map(|span| span.left(current)).max() {
            None | Some(0) => return Some(passed),
            Some(left) => passed += left,
        }
    }
    None
}

/// How many minutes after `minute` of the week a span contains the minute. 0 if one contains `minute` itself; `None` if
/// there is no span.
pub fn minutes_until_inside(spans: &[Span], minute: u16) -> Option<u16> {
    if contains(spans, minute) {
        return Some(0);
    }
    spans.iter().map(|span| span.begins_after(minute)).min()
}
