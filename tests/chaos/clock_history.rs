use jiff::{SignedDuration, Timestamp};

/// By how much PostgreSQL's clock differed from the machine's, and when.
#[derive(Clone, Debug, Default)]
pub struct ClockHistory {
    /// Each step: when it was made, by the machine's clock, and the difference from then on.
    steps: Vec<(Timestamp, SignedDuration)>,
}

impl ClockHistory {
    /// Records a step. Must be called before the clock steps, in the order of the steps.
    pub fn record(&mut self, at: Timestamp, difference: SignedDuration) {
        self.steps.push((at, difference));
    }

    /// Returns all differences between two times of the machine's clock.
    pub fn differences(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = SignedDuration> {
        self.segments()
            .filter(move |segment| {
                segment.from <= until && segment.until.is_none_or(|end| end >= from)
            })
            .map(|segment| segment.difference)
    }

    /// Returns the times of the machine's clock when PostgreSQL's clock may have shown `shown`: none for a time that a step
    /// forward skipped, and several for one that a step back repeated.
    pub fn machine_times(&self, shown: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.segments().filter_map(move |segment| {
            let time = shown.checked_sub(segment.difference).ok()?;
            let is_within = time >= segment.from && segment.until.is_none_or(|end| time <= end);
            is_within.then_some(time)
        })
    }

    /// The times with the same difference, in order.
    fn segments(&self) -> impl Iterator<Item = Segment> {
        let start = (Timestamp::MIN, SignedDuration::ZERO);
        let begins = std::iter::once(&start).chain(&self.steps).copied();
        let begins: Vec<_> = begins.collect();
        let ends: Vec<_> = self.steps.iter().map(|(at, _)| Some(*at)).collect();
        let ends = ends.into_iter().chain([None]);
        begins
            .into_iter()
            .zip(ends)
            .map(|((from, difference), until)| Segment {
                from,
                until,
                difference,
            })
    }
}

struct Segment {
    from: Timestamp,
    until: Option<Timestamp>,
    difference: SignedDuration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    /// 70 s ahead from 10 until 30, 5 s behind from 50 until 60.
    fn history() -> ClockHistory {
        let mut history = ClockHistory::default();
        for (second, difference) in [(10, 70), (30, 0), (50, -5), (60, 0)] {
            history.record(at(second), SignedDuration::from_secs(difference));
        }
        history
    }

    #[test]
    fn a_period_has_the_differences_of_all_steps_in_it() {
        let history = history();
        let between = |from, until| {
            let differences = history.differences(at(from), at(until));
            differences.map(|one| one.as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(between(0, 9), [0]);
        assert_eq!(between(0, 10), [0, 70]);
        assert_eq!(between(12, 20), [70]);
        assert_eq!(between(20, 55), [70, 0, -5]);
        assert_eq!(between(99, 100), [0]);
        let never = ClockHistory::default();
        assert_eq!(never.differences(at(0), at(1)).count(), 1);
    }

    #[test]
    fn a_time_that_the_clock_showed_happened_never_once_or_several_times() {
        let history = history();
        let when = |shown| history.machine_times(at(shown)).collect::<Vec<_>>();
        assert_eq!(when(5), [at(5)]);
        assert_eq!(when(20), []);
        assert_eq!(when(85), [at(15), at(85)]);
        assert_eq!(when(48), [at(48), at(53)]);
    }
}
