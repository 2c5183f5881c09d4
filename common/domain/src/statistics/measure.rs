use std::fmt;
use std::str::FromStr;

/// What a figure counts. docs/STATISTICS.md defines each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    /// Notifications that the API has accepted.
    Accepted,
    /// Notifications that the API has refused (4xx), with the code of the error as label.
    Refused,
    /// Notifications that the API could not store (5xx), with the code of the error as label.
    AcceptFailed,
    /// Notifications that were recorded, with the time since their acceptance.
    Recorded,
    /// Notifications that were delivered, with the time since they were due.
    Delivered,
    /// Notifications that became `failed`, with the reason as label.
    Failed,
    /// Notifications that became `suppressed`, with the reason as label.
    Suppressed,
    /// Notifications that became `expired`.
    Expired,
    /// Notifications that became `digested`: they are in the message of a digest.
    Digested,
    /// Dead letters, with the reason as label.
    DeadLettered,
    /// Messages that were sent up the ladder, with the reason as label.
    Retried,
    /// Messages that were deferred.
    Deferred,
    /// Attempts to deliver, with the outcome as label, and their duration.
    Attempts,
    /// The largest number of ready messages in a queue, with the queue as label.
    Depth,
    /// The largest number of consumers of a queue, with the queue as label.
    Consumers,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 15] = [
        Self::Accepted,
        Self::Refused,
        Self::AcceptFailed,
        Self::Recorded,
        Self::Delivered,
        Self::Failed,
        Self::Suppressed,
        Self::Expired,
        Self::Digested,
        Self::DeadLettered,
        Self::Retried,
        Self::Deferred,
        Self::Attempts,
        Self::Depth,
        Self::Consumers,
    ];

    /// What can become of a notification, in this order.
    pub const OUTCOMES: [Self; 9] = [
        Self::Accepted,
        Self::Refused,
        Self::AcceptFailed,
        Self::Recorded,
        Self::Delivered,
        Self::Failed,
        Self::Suppressed,
        Self::Expired,
        Self::Digested,
    ];

    /// The measures whose label is a reason.
    pub const WITH_REASON: [Self; 6] = [
        Self::DeadLettered,
        Self::Failed,
        Self::Suppressed,
        Self::Retried,
        Self::Refused,
        Self::AcceptFailed,
    ];

    /// The samples of queues.
    pub const OF_QUEUES: [Self; 2] = [Self::Depth, Self::Consumers];

    /// Whether its events have durations.
    #[must_use]
    pub const fn has_durations(self) -> bool {
        matches!(self, Self::Recorded | Self::Delivered | Self::Attempts)
    }

    /// Whether two figures are combined by their maximum. All others are added.
    #[must_use]
    pub fn is_gauge(self) -> bool {
        Self::OF_QUEUES.contains(&self)
    }

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::AcceptFailed => "accept_failed",
            Self::Recorded => "recorded",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
            Self::Expired => "expired",
            Self::Digested => "digested",
            Self::DeadLettered => "dead_lettered",
            Self::Retried => "retried",
            Self::Deferred => "deferred",
            Self::Attempts => "attempts",
            Self::Depth => "depth",
            Self::Consumers => "consumers",
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no measure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {}", Measure::ALL.map(Measure::as_str).join(", "))]
pub struct UnknownMeasure;

impl FromStr for Measure {
    type Err = UnknownMeasure;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|measure| measure.as_str() == text)
            .ok_or(UnknownMeasure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_is_read_back_from_its_name() {
        for measure in Measure::ALL {
            assert_eq!(measure.as_str().parse(), Ok(measure));
        }
        assert_eq!("Accepted".parse::<Measure>(), Err(UnknownMeasure));
    }
}
