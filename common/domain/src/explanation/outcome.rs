use std::fmt;

use jiff::Timestamp;

use crate::decision::{Decision, HoldReason, SuppressReason};

/// What happens to a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is sent.
    Send,
    /// The API refuses it with this code, and an event becomes a dead letter with this reason.
    Refuse(&'static str),
    /// It waits.
    Hold {
        /// The earliest time to send, if it is known.
        until: Option<Timestamp>,
        /// Why.
        reason: &'static str,
    },
    /// It is not sent, and that is no failure.
    Suppress(SuppressReason),
    /// Its sender has cancelled it.
    Cancel,
    /// Its time is over.
    Expire,
    /// It becomes a dead letter with this reason.
    DeadLetter(&'static str),
}

impl Outcome {
    /// An operator has stopped the channel.
    pub const STOPPED: Self = Self::Hold {
        until: None,
        reason: "stopped",
    };

    /// The name in JSON: that of `decision.outcome` of a notification, if it has one.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Refuse(_) => "refuse",
            Self::Hold { .. } => "hold",
            Self::Suppress(_) => "suppress",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
            Self::DeadLetter(_) => "deadLetter",
        }
    }

    /// Why, if it is not sent.
    #[must_use]
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Send => None,
            Self::Refuse(reason) | Self::Hold { reason, .. } | Self::DeadLetter(reason) => {
                Some(reason)
            }
            Self::Suppress(reason) => Some(reason.as_str()),
            Self::Cancel => Some("cancelled"),
            Self::Expire => Some("expired"),
        }
    }

    /// The earliest time to send, if it waits and the time is known.
    #[must_use]
    pub const fn until(self) -> Option<Timestamp> {
        match self {
            Self::Hold { until, .. } => until,
            _ => None,
        }
    }
}

impl From<Decision> for Outcome {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Send => Self::Send,
            Decision::Hold { until, reason } => Self::Hold {
                until: Some(until),
                reason: reason.as_str(),
            },
            Decision::Collect => Self::Hold {
                until: None,
                reason: HoldReason::Digest.as_str(),
            },
            Decision::Suppress { reason } => Self::Suppress(reason),
            Decision::Cancel => Self::Cancel,
            Decision::Expire | Decision::End => Self::Expire,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send => f.write_str("sent"),
            Self::Refuse(code) => write!(f, "refused: {code}"),
            Self::Hold { reason, until } => {
                write!(f, "waits: {reason}")?;
                until.map_or(Ok(()), |until| write!(f, " until {until:.0}"))
            }
            Self::Suppress(reason) => write!(f, "not sent: {}", reason.as_str()),
            Self::Cancel => f.write_str("cancelled"),
            Self::Expire => f.write_str("expired"),
            Self::DeadLetter(reason) => write!(f, "dead letter: {reason}"),
        }
    }
}
