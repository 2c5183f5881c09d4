//! The status of notifications.

use std::fmt;
use std::str::FromStr;

/// The status of a recorded notification. The valid transitions are the functions of
/// `tidings_db::notifications`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Waits for its scheduled time.
    Scheduled,
    /// Recorded; delivery was not attempted yet, or the notification was replayed.
    Pending,
    /// At least one delivery attempt failed, and another will follow.
    Retrying,
    /// Delivered.
    Processed,
    /// Delivery failed permanently; the message is in the dead-letter queue.
    Failed,
    /// Cancelled before delivery.
    Cancelled,
    /// Expired before delivery.
    Expired,
    /// Not delivered because nobody wants it: for example because of a preference. Not a failure.
    Suppressed,
    /// Delivered as a part of another notification.
    Digested,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Scheduled,
        Self::Pending,
        Self::Retrying,
        Self::Processed,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
        Self::Suppressed,
        Self::Digested,
    ];

    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Pending => "pending",
            Self::Retrying => "retrying",
            Self::Processed => "processed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Suppressed => "suppressed",
            Self::Digested => "digested",
        }
    }
}

/// What a status means for a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waits in PostgreSQL for its time.
    Scheduled,
    /// Its message is in RabbitMQ.
    InProgress,
    /// Failed permanently. A replay starts it again.
    Failed,
    /// Nothing follows.
    Ended,
}

impl Status {
    /// What the status means.
    #[must_use]
    pub const fn phase(self) -> Phase {
        match self {
            Self::Scheduled => Phase::Scheduled,
            Self::Pending | Self::Retrying => Phase::InProgress,
            Self::Failed => Phase::Failed,
            Self::Processed
            | Self::Cancelled
            | Self::Expired
            | Self::Suppressed
            | Self::Digested => Phase::Ended,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be one of: scheduled, pending, retrying, processed, failed, cancelled, expired, suppressed, digested"
)]
pub struct UnknownStatus;

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(UnknownStatus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_parsed_from_its_name_and_listed_by_the_error() {
        let text = UnknownStatus.to_string();
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert!(text.contains(status.as_str()));
        }
        assert_eq!("lost".parse::<Status>(), Err(UnknownStatus));
    }
}
