use serde_json::json;

use super::*;
use crate::ledger::{CancelAnswer, LedgerEntry};

const ID: Uuid = Uuid::from_u128(1);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn body() -> Fingerprint {
    Fingerprint::of(Some(Uuid::nil()), "sms", &json!({"text": "hello"}))
}

/// A notification that was accepted with these times.
struct Case {
    times: PostedTimes,
    answers: Vec<CancelAnswer>,
    groups: Vec<(Group, u64)>,
    arrivals: Vec<Timestamp>,
    row: Row,
}

/// A notification that was sent at second 10.
fn sent() -> Case {
    let row = Row {
        id: ID,
        body: body(),
        processed_at: Some(at(10)),
        ..super::tests::processed()
    };
    Case {
        times: PostedTimes::default(),
        answers: Vec::new(),
        groups: Vec::new(),
        arrivals: vec![at(10)],
        row,
    }
}

/// A notification with this status that was never sent.
fn unsent(status: &str) -> Case {
    let mut case = sent();
    case.arrivals.clear();
    case.row.status = status.to_owned();
    case.row.processed_at = None;
    case.row.maybe_sent = false;
    case
}

/// Compares, and returns the names of what is wrong.
fn wrong(case: &Case) -> Vec<&'static str> {
    let found = found(case);
    let wrong = found.must_be_zero().into_iter().filter(|(_, n)| *n > 0);
    wrong.map(|(what, _)| what).collect()
}

fn found(case: &Case) -> Findings {
    let mut entries = vec![
        LedgerEntry::Attempt {
            body: body(),
            key: None,
            times: case.times,
        },
        LedgerEntry::Accepted {
            body: body(),
            key: None,
            id: ID,
        },
    ];
    for answer in &case.answers {
        entries.push(LedgerEntry::Cancel { id: ID });
        entries.push(LedgerEntry::Cancelled {
            id: ID,
            answer: *answer,
        });
    }
    for (group, cancelled) in &case.groups {
        entries.push(LedgerEntry::CancelGroup { group: *group });
        entries.push(LedgerEntry::GroupCancelled {
            group: *group,
            cancelled: *cancelled,
        });
    }
    let ledger = LedgerSummary::read(entries.into_iter().map(Ok)).expect("a ledger");
    let mut receivers = Receivers::default();
    if !case.arrivals.is_empty() {
        receivers.delivered.insert(ID);
        receivers.copies.insert(ID, 1);
        receivers.arrivals.insert(ID, case.arrivals.clone());
    }
    let times = SendTimes::default();
    let readers = HashMap::new();
    let mut comparison = Comparison::new(&ledger, &receivers, &times, &readers);
    comparison.add(&case.row);
    comparison.finish()
}

#[test]
fn a_notification_is_sent_between_its_time_and_its_expiry() {
    let window = |send_at, expires_at| {
        let mut case = sent();
        case.times.send_at = Some(at(send_at));
        case.times.expires_at = Some(at(expires_at));
        case.row.expires_at = case.times.expires_at;
        wrong(&case)
    };
    assert_eq!(window(10, 11), [""; 0]);
    assert_eq!(window(11, 20), ["sent before sendAt"]);
    assert_eq!(window(5, 9), [""; 0], "the send was under way");
    assert_eq!(window(5, 8), ["sent after expiry"]);
}

#[test]
fn an_in_app_notification_is_processed_at_its_time() {
    let mut case = sent();
    case.arrivals.clear();
    case.row.has_provider = false;
    case.times.send_at = Some(at(10));
    assert_eq!(wrong(&case), [""; 0]);
    case.times.send_at = Some(at(11));
    assert_eq!(wrong(&case), ["sent before sendAt"]);
}

#[test]
fn delays_are_counted_and_are_no_failure() {
    let mut case = sent();
    case.times.send_at = Some(at(4));
    let found = found(&case);
    assert_eq!((found.late, found.latest.as_secs()), (1, 6));
    assert_eq!(wrong(&case), [""; 0]);
}

#[test]
fn a_row_has_the_posted_expiry_and_group() {
    let mut case = sent();
    case.row.expires_at = Some(at(99));
    assert_eq!(wrong(&case), ["foreign"]);
    case.times.ttl_secs = Some(60);
    assert_eq!(wrong(&case), [""; 0]);
    case.times.group = Some(Group(1));
    assert_eq!(wrong(&case), ["foreign"]);
    case.row.group = Some("chaos-1".to_owned());
    assert_eq!(wrong(&case), [""; 0]);
}

#[test]
fn what_is_cancelled_for_good_is_never_sent() {
    let cancelled = |mut case: Case, answer| {
        case.answers = vec![answer];
        wrong(&case)
    };
    assert_eq!(
        cancelled(unsent("cancelled"), CancelAnswer::Cancelled),
        [""; 0]
    );
    assert_eq!(
        cancelled(unsent("cancelled"), CancelAnswer::Cancelling),
        [""; 0]
    );
    assert_eq!(
        cancelled(sent(), CancelAnswer::Cancelled),
        ["ended wrongly", "sent after cancel"]
    );
    assert_eq!(
        cancelled(sent(), CancelAnswer::Cancelling),
        ["sent after cancel"]
    );
    assert_eq!(
        cancelled(sent(), CancelAnswer::MaybeSent),
        ["ended wrongly"],
        "the row must be cancelled"
    );
    for answer in [
        CancelAnswer::BeingSent,
        CancelAnswer::AlreadySent,
        CancelAnswer::AlreadyEnded,
    ] {
        assert_eq!(cancelled(sent(), answer), [""; 0]);
    }
    let mut maybe = sent();
    maybe.row.status = "cancelled".to_owned();
    assert_eq!(cancelled(maybe, CancelAnswer::MaybeSent), [""; 0]);
}

#[test]
fn a_cancellation_that_was_never_answered_may_count() {
    let mut case = unsent("cancelled");
    assert_eq!(wrong(&case), ["ended wrongly"], "nobody cancelled it");
    case.answers = vec![CancelAnswer::BeingSent];
    assert_eq!(wrong(&case), [""; 0]);
    // The row knows of no send.
    case.arrivals = vec![at(10)];
    assert_eq!(wrong(&case), ["sent after cancel"]);
}

#[test]
fn a_notification_expires_only_if_it_can_and_is_not_cancelled() {
    let mut case = unsent("expired");
    assert_eq!(wrong(&case), ["ended wrongly"]);
    case.times.expires_at = Some(at(9));
    case.row.expires_at = Some(at(9));
    assert_eq!(wrong(&case), [""; 0]);
    case.answers = vec![CancelAnswer::Cancelled];
    assert_eq!(wrong(&case), ["ended wrongly"]);
}

#[test]
fn as_many_of_a_group_are_cancelled_as_its_answers_say() {
    let group = Group(7);
    let mut case = unsent("cancelled");
    case.times.group = Some(group);
    case.row.group = Some(group.to_string());
    assert_eq!(wrong(&case), ["ended wrongly"], "nobody cancelled it");
    case.groups = vec![(group, 0)];
    assert_eq!(wrong(&case), [""; 0], "another request may have");
    case.groups = vec![(group, 1)];
    assert_eq!(wrong(&case), [""; 0]);
    case.groups = vec![(group, 1), (group, 1)];
    assert_eq!(wrong(&case), ["ended wrongly"]);
}

#[test]
fn what_has_not_ended_is_not_settled() {
    for status in ["scheduled", "pending", "retrying", "failed"] {
        assert_eq!(wrong(&unsent(status)), ["not settled"]);
    }
}
