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
            is_collected: false,
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
            is_collected: false,
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
            is_collected: false,
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
            is_collected: false,
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
            is_collected: false,
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
            is_collected: false,
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
fn what_is_wanted_and_due_is_collected_before_quiet_hours_and_limits_count() {
    let collected = |status, not_before, expires_at, is_unwanted| {
        let candidate = Candidate {
            status,
            window: DeliveryWindow {
                not_before,
                expires_at,
            },
            is_cancelled: false,
            user_is_gone: false,
            is_unwanted,
            is_collected: true,
            quiet_until: Some(at(3600)),
            limit: LimitState::Reached,
        };
        decide(candidate, at(0))
    };
    for status in [None, Some(Status::Scheduled)] {
        assert_eq!(collected(status, None, None, false), Decision::Collect);
        assert_eq!(collected(status, Some(at(60)), None, false), hold(at(60)));
        let expired = collected(status, None, Some(at(0)), false);
        assert_eq!(expired, Decision::Expire);
        let suppressed = Decision::Suppress {
            reason: SuppressReason::Preference,
        };
        assert_eq!(collected(status, None, None, true), suppressed);
    }
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
            is_collected: false,
            quiet_until: None,
            limit: LimitState::Free,
        },
        at(0),
    );
    assert_eq!(decision, hold(at(1)));
}
