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
    /// When it is sent, if it waits for the end of its user's quiet hours.
    pub quiet_until: Option<Timestamp>,
    /// What the limit of its user says.
    pub limit: LimitState,
}

/// What the limit of a user says about a notification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
/// cancelled, expired, not due yet, not wanted, in quiet hours, over the limit of its user, send.
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
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("in range")
    }

    fn decided(status: Option<Status>, not_before: Option<i64>, expires: Option<i64>) -> Decision {
        let window = DeliveryWindow {
            not_before: not_before.map(at),
            expires_at: expires.map(at),
        };
        decide(
            Candidate {
                status,
                window,
                is_cancelled: false,
                user_is_gone: false,
                is_unwanted: false,
                quiet_until: None,
                limit: LimitState::Free,
            },
            at(0),
        )
    }

    const fn hold(until: Timestamp) -> Decision {
        Decision::Hold {
            until,
            reason: HoldReason::Schedule,
        }
    }

    #[rstest]
    #[case::nothing_said(None, None, Decision::Send)]
    #[case::due(Some(0), None, Decision::Send)]
    #[case::long_due(Some(-900), Some(1), Decision::Send)]
    #[case::ahead(Some(60), None, hold(at(60)))]
    #[case::ahead_and_not_expired(Some(60), Some(90), hold(at(60)))]
    #[case::expired(None, Some(0), Decision::Expire)]
    #[case::expired_before_it_was_due(Some(60), Some(-1), Decision::Expire)]
    fn the_times_decide(
        #[case] not_before: Option<i64>,
        #[case] expires: Option<i64>,
        #[case] expected: Decision,
    ) {
        for status in [Status::Scheduled, Status::Pending, Status::Retrying] {
            assert_eq!(
                decided(Some(status), not_before, expires),
                expected,
                "{status}"
            );
        }
        assert_eq!(decided(None, not_before, expires), expected);
    }

    #[test]
    fn what_has_ended_stays_as_it_is() {
        let open = [Status::Scheduled, Status::Pending, Status::Retrying];
        for status in Status::ALL.into_iter().filter(|one| !open.contains(one)) {
            assert_eq!(
                decided(Some(status), Some(60), Some(-1)),
                Decision::End,
                "{status}"
            );
        }
    }

    #[test]
    fn a_cancellation_counts_unless_the_notification_has_ended() {
        for status in Status::ALL {
            let candidate = Candidate {
                status: Some(status),
                window: DeliveryWindow::default(),
                is_cancelled: true,
                user_is_gone: false,
                is_unwanted: false,
                quiet_until: None,
                limit: LimitState::Reached,
            };
            let expected = match status {
                Status::Scheduled | Status::Pending | Status::Retrying => Decision::Cancel,
                _ => Decision::End,
            };
            assert_eq!(decide(candidate, at(0)), expected, "{status}");
        }
    }

    #[test]
    fn nothing_is_sent_to_a_user_who_is_gone() {
        for status in Status::ALL {
            let candidate = Candidate {
                status: Some(status),
                window: DeliveryWindow {
                    not_before: Some(at(60)),
                    expires_at: Some(at(-1)),
                },
                is_cancelled: true,
                user_is_gone: true,
                is_unwanted: true,
                quiet_until: None,
                limit: LimitState::Reached,
            };
            let expected = match status {
                Status::Scheduled | Status::Pending | Status::Retrying => Decision::Suppress {
                    reason: SuppressReason::UserGone,
                },
                _ => Decision::End,
            };
            assert_eq!(decide(candidate, at(0)), expected, "{status}");
        }
    }

    #[test]
    fn a_limit_counts_last_and_holds_while_slots_may_become_free() {
        let limited = |limit, not_before, expires_at| {
            let window = DeliveryWindow {
                not_before,
                expires_at,
            };
            let candidate = Candidate {
                status: Some(Status::Pending),
                window,
                is_cancelled: false,
                user_is_gone: false,
                is_unwanted: false,
                quiet_until: None,
                limit,
            };
            decide(candidate, at(0))
        };
        let taken = Decision::Hold {
            until: at(5),
            reason: HoldReason::Throttled,
        };
        let reached = Decision::Suppress {
            reason: SuppressReason::Throttled,
        };
        assert_eq!(limited(LimitState::Taken, None, None), taken);
        assert_eq!(limited(LimitState::Reached, None, None), reached);
        for state in [LimitState::Taken, LimitState::Reached] {
            assert_eq!(limited(state, Some(at(60)), None), hold(at(60)));
            assert_eq!(limited(state, None, Some(at(0))), Decision::Expire);
        }
    }

    #[test]
    fn what_is_not_wanted_is_decided_when_it_is_due_and_takes_no_slot() {
        let unwanted = |not_before, expires_at, is_cancelled| {
            let candidate = Candidate {
                status: Some(Status::Retrying),
                window: DeliveryWindow {
                    not_before,
                    expires_at,
                },
                is_cancelled,
                user_is_gone: false,
                is_unwanted: true,
                quiet_until: Some(at(3600)),
                limit: LimitState::Taken,
            };
            decide(candidate, at(0))
        };
        let suppressed = Decision::Suppress {
            reason: SuppressReason::Preference,
        };
        assert_eq!(unwanted(None, None, false), suppressed);
        assert_eq!(unwanted(Some(at(0)), Some(at(1)), false), suppressed);
        // Until then, the recipient may choose again.
        assert_eq!(unwanted(Some(at(60)), None, false), hold(at(60)));
        assert_eq!(unwanted(None, Some(at(0)), false), Decision::Expire);
        assert_eq!(unwanted(None, None, true), Decision::Cancel);
    }

    #[test]
    fn quiet_hours_hold_before_a_limit_counts() {
        let quiet = |quiet_until, not_before, expires_at| {
            let candidate = Candidate {
                status: Some(Status::Retrying),
                window: DeliveryWindow {
                    not_before,
                    expires_at,
                },
                is_cancelled: false,
                user_is_gone: false,
                is_unwanted: false,
                quiet_until: Some(quiet_until),
                limit: LimitState::Reached,
            };
            decide(candidate, at(0))
        };
        let held = |until| Decision::Hold {
            until,
            reason: HoldReason::QuietHours,
        };
        assert_eq!(quiet(at(3600), None, None), held(at(3600)));
        // It may expire while it waits.
        assert_eq!(quiet(at(3600), None, Some(at(60))), held(at(3600)));
        assert_eq!(quiet(at(3600), None, Some(at(0))), Decision::Expire);
        assert_eq!(quiet(at(3600), Some(at(60)), None), hold(at(60)));
        assert_eq!(quiet(at(0), None, None), held(at(1)));
    }

    #[test]
    fn a_hold_lasts_a_second_at_least() {
        let soon = at(0) + SignedDuration::from_millis(1);
        let window = DeliveryWindow {
            not_before: Some(soon),
            expires_at: None,
        };
        let decision = decide(
            Candidate {
                status: None,
                window,
                is_cancelled: false,
                user_is_gone: false,
                is_unwanted: false,
                quiet_until: None,
                limit: LimitState::Free,
            },
            at(0),
        );
        assert_eq!(decision, hold(at(1)));
    }
}
