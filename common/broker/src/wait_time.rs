use std::time::Duration;

/// How long a deferred message waits. An installation has one delay queue for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WaitTime {
    /// One second.
    Second,
    /// Half a minute.
    HalfMinute,
    /// Five minutes.
    FiveMinutes,
}

impl WaitTime {
    /// All wait times, shortest first.
    pub const ALL: [Self; 3] = [Self::Second, Self::HalfMinute, Self::FiveMinutes];

    /// The last part of the name of the exchange and of its queue.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Second => "1s",
            Self::HalfMinute => "30s",
            Self::FiveMinutes => "5m",
        }
    }

    /// The message TTL of the delay queue.
    #[must_use]
    pub const fn duration(self) -> Duration {
        match self {
            Self::Second => Duration::from_secs(1),
            Self::HalfMinute => Duration::from_secs(30),
            Self::FiveMinutes => Duration::from_mins(5),
        }
    }

    /// Returns the longest wait time up to `wait`, or the shortest one if all are longer.
    #[must_use]
    pub fn at_most(wait: Duration) -> Self {
        Self::ALL
            .into_iter()
            .rev()
            .find(|time| time.duration() <= wait)
            .unwrap_or(Self::Second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_time_is_the_longest_up_to_the_given_time_or_the_shortest() {
        let label = |secs| WaitTime::at_most(Duration::from_secs(secs)).label();
        assert_eq!(
            [0, 1, 29, 30, 299, 300, 9999].map(label),
            ["1s", "1s", "1s", "30s", "30s", "5m", "5m"]
        );
    }
}
