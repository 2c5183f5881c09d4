use std::time::Duration;

/// How long a deferred message waits. The delay queues of these times exist once an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitTime {
    /// One second.
    Second,
    /// Half a minute.
    HalfMinute,
    /// Five minutes.
    FiveMinutes,
}

impl WaitTime {
    /// Every waiting time, shortest first.
    pub const ALL: [Self; 3] = [Self::Second, Self::HalfMinute, Self::FiveMinutes];

    /// The last part of the exchange's and the queue's name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Second => "1s",
            Self::HalfMinute => "30s",
            Self::FiveMinutes => "5m",
        }
    }

    /// The delay queue's message TTL.
    #[must_use]
    pub const fn duration(self) -> Duration {
        match self {
            Self::Second => Duration::from_secs(1),
            Self::HalfMinute => Duration::from_secs(30),
            Self::FiveMinutes => Duration::from_mins(5),
        }
    }

    /// The longest that is not longer than `wait`; the shortest where all are.
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
    fn the_waiting_time_is_never_longer_than_asked_for_unless_it_is_the_shortest() {
        let label = |secs| WaitTime::at_most(Duration::from_secs(secs)).label();
        assert_eq!(
            [0, 1, 29, 30, 299, 300, 9999].map(label),
            ["1s", "1s", "1s", "30s", "30s", "5m", "5m"]
        );
    }
}
