//! The decision whether a notification is sent now, later or never. A pure function.
//!
//! The intake asks early, so that nothing useless enters a queue. The claim of a delivery asks again before every
//! attempt, and its answer counts.

use jiff::{SignedDuration, Timestamp};

use crate::notification::{Phase, Status};
use crate::time::DeliveryWindow;

/// The shortest hold: until its end, a notification must not reach the scheduler again and again.
const SHORTEST_HOLD: SignedDuration = SignedDuration::from_secs(1);

/// How long a notification waits for others of the limit of its user.
const LIMIT_HOLD: SignedDuration = SignedDuration::from_secs(5);

/// What a decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Candidate {
    /// The status of its row; `None` if it is not recorded yet.
    pub status: Option<Status>,
    /// When it may be sent.
    pub window: DeliveryWindow,
    /// Whether its sender cancelled it before it was recorded.
    pub is_cancelled: bool,
    /// Whether its user is erased, or waits for the deletion and does not get this notification meanwhile.
    pub user_is_gone: bool,
    /// Whether its recipient does not want it.
    pub is_unwanted: bool,
    /// Whether it is collected to a digest. Decided once: never after it was in one.
    pub is_collected: bool,
    /// When it is sent, if it waits for the end of its user's quiet hours.
    pub quiet_until: Option<Timestamp>,
    /// What the limit of its user says.
    pub limit: LimitState,
}

/// What the limit of a user says about a notification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitState {
    /// It may be sent: it has a slot, or needs none.
    #[default]
    Free,
    /// All slots are taken, some of them by notifications that are not delivered yet and may fail.
    Taken,
    /// Delivered notifications alone fill the limit.
    Reached,
}

/// What happens to a notification now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is sent.
    Send,
    /// It waits in PostgreSQL.
    Hold {
        /// The earliest time to send.
        until: Timestamp,
        /// Why.
        reason: HoldReason,
    },
    /// It is not sent: nobody wants it.
    Suppress {
        /// Why.
        reason: SuppressReason,
    },
    /// It becomes an item of a digest.
    Collect,
    /// Its time is over.
    Expire,
    /// Its sender has cancelled it.
    Cancel,
    /// It has ended before, or failed and waits for a replay.
    End,
}

/// Why a notification waits in PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoldReason {
    /// The sender scheduled it.
    Schedule,
    /// RabbitMQ was away when it was accepted.
    Broker,
    /// It is quiet for its user.
    QuietHours,
    /// The slots of its user's limit are taken.
    Throttled,
    /// It is an item of a digest, or the digest itself.
    Digest,
}

impl HoldReason {
    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Broker => "broker",
            Self::QuietHours => "quiet_hours",
            Self::Throttled => "throttled",
            Self::Digest => "digest",
        }
    }
}

/// Why a notification is not sent although its sender wanted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SuppressReason {
    /// The limit of its user is reached.
    Throttled,
    /// Its user is deleted, or will be.
    UserGone,
    /// Its recipient does not want it.
    Preference,
}

impl SuppressReason {
    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::UserGone => "user_gone",
            Self::Preference => "preference",
        }
    }
}

/// Decides about `candidate` at `now`, the time of the database. The first rule that applies counts: ended, user gone,
/// cancelled, expired, not due yet, not wanted, collected to a digest, in quiet hours, over the limit of its user, send.
#[must_use]
pub fn decide(candidate: Candidate, now: Timestamp) -> Decision {
    if let Some(Phase::Ended | Phase::Failed) = candidate.status.map(Status::phase) {
        return Decision::End;
    }
    if candidate.user_is_gone {
        return Decision::Suppress {
            reason: SuppressReason::UserGone,
        };
    }
    if candidate.is_cancelled {
        return Decision::Cancel;
    }
    let DeliveryWindow {
        not_before,
        expires_at,
    } = candidate.window;
    if expires_at.is_some_and(|time| time <= now) {
        return Decision::Expire;
    }
    let after = |pause| now.saturating_add(pause).unwrap_or(Timestamp::MAX);
    if let Some(time) = not_before.filter(|time| *time > now) {
        return Decision::Hold {
            until: time.max(after(SHORTEST_HOLD)),
            reason: HoldReason::Schedule,
        };
    }
    if candidate.is_unwanted {
        return Decision::Suppress {
            reason: SuppressReason::Preference,
        };
    }
    if candidate.is_collected {
        return Decision::Collect;
    }
    if let Some(time) = candidate.quiet_until {
        return Decision::Hold {
            until: time.max(after(SHORTEST_HOLD)),
            reason: HoldReason::QuietHours,
        };
    }
    match candidate.limit {
        LimitState::Free => Decision::Send,
        LimitState::Taken => Decision::Hold {
            until: after(LIMIT_HOLD),
            reason: HoldReason::Throttled,
        },
        LimitState::Reached => Decision::Suppress {
            reason: SuppressReason::Throttled,
        },
    }
}

#[cfg(test)]
mod tests;
