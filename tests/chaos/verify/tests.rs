//! Rows against accepted notifications. `schedule_tests` covers times and cancellations.

use serde_json::json;

use super::*;
use crate::ledger::LedgerEntry;

fn body(n: u32) -> Fingerprint {
    Fingerprint::of(Some(Uuid::nil()), "in-app", &json!({"n": n}))
}

fn id(n: u32) -> Uuid {
    Uuid::from_u128(n.into())
}

fn under_key(n: u32) -> Option<String> {
    format!("key-{n}").into()
}

fn attempt(n: u32) -> LedgerEntry {
    LedgerEntry::Attempt {
        body: body(n),
        key: None,
        times: PostedTimes::default(),
    }
}

fn accepted(n: u32) -> LedgerEntry {
    LedgerEntry::Accepted {
        body: body(n),
        key: None,
        id: id(n),
    }
}

fn row(its_id: u32, its_body: u32) -> Row {
    Row {
        id: id(its_id),
        body: body(its_body),
        has_provider: false,
        processed_at: None,
        maybe_sent: false,
        ..processed()
    }
}

/// A notification that was sent once, by nobody to nobody.
pub(super) fn processed() -> Row {
    Row {
        id: Uuid::nil(),
        body: body(0),
        status: "processed".to_owned(),
        has_provider: true,
        outcome_unknown: false,
        max_copies: 3,
        expires_at: None,
        group: None,
        processed_at: Timestamp::from_second(1_800_000_010).ok(),
        maybe_sent: true,
        user: None,
        guest: None,
        channel: "sms".to_owned(),
        category: None,
        reason: None,
        ended_at: None,
        is_read: false,
        attempts: Vec::new(),
    }
}

/// Copies that arrived at any time.
fn arrived(n: u32, copies: usize) -> HashMap<Uuid, Vec<Timestamp>> {
    [(id(n), vec![Timestamp::UNIX_EPOCH; copies])].into()
}

fn compare(entries: Vec<LedgerEntry>, rows: &[Row]) -> Findings {
    let ledger = LedgerSummary::read(entries.into_iter().map(Ok)).expect("a ledger");
    compare_with(&ledger, &Receivers::default(), rows)
}

fn compare_with(ledger: &LedgerSummary, receivers: &Receivers, rows: &[Row]) -> Findings {
    let times = SendTimes::default();
    let readers = HashMap::new();
    let mut comparison = Comparison::new(ledger, receivers, &times, &readers);
    for row in rows {
        comparison.add(row);
    }
    comparison.finish()
}

/// Body 1 was accepted without a key, body 2 with a key after an attempt without a response; body 3 never got a
/// response.
fn entries() -> Vec<LedgerEntry> {
    let with_key = |entry| match entry {
        LedgerEntry::Attempt { body, times, .. } => LedgerEntry::Attempt {
            body,
            key: under_key(2),
            times,
        },
        LedgerEntry::Accepted { body, id, .. } => LedgerEntry::Accepted {
            body,
            id,
            key: under_key(2),
        },
        other => other,
    };
    vec![
        attempt(1),
        with_key(attempt(2)),
        accepted(1),
        with_key(attempt(2)),
        with_key(accepted(2)),
        attempt(3),
    ]
}

fn counts(findings: &Findings) -> [usize; 4] {
    let Findings {
        recorded,
        lost,
        doubled,
        foreign,
        ..
    } = findings;
    [*recorded, *lost, *doubled, *foreign]
}

#[test]
fn one_row_for_each_202_is_correct() {
    let findings = compare(entries(), &[row(1, 1), row(2, 2)]);
    let right = Findings {
        accepted: 2,
        recorded: 2,
        ..Findings::default()
    };
    assert_eq!(findings, right);
}

#[test]
fn an_attempt_without_a_response_may_have_a_row() {
    let findings = compare(entries(), &[row(1, 1), row(2, 2), row(3, 3)]);
    assert_eq!(counts(&findings), [3, 0, 0, 0]);
    assert_eq!(findings.unanswered, 1);
}

#[test]
fn a_202_without_a_row_is_lost() {
    let findings = compare(entries(), &[row(2, 2)]);
    assert_eq!(counts(&findings), [1, 1, 0, 0]);
    let example = format!("lost: {}, body {}: no row", id(1), body(1));
    assert_eq!(findings.examples, [example]);
}

#[test]
fn a_202_whose_row_holds_another_body_is_lost() {
    let findings = compare(entries(), &[row(1, 3), row(2, 2)]);
    assert_eq!(counts(&findings), [2, 1, 0, 0]);
}

#[test]
fn a_body_that_nobody_posted_is_foreign() {
    let findings = compare(entries(), &[row(1, 1), row(2, 2), row(4, 4)]);
    assert_eq!(counts(&findings), [3, 0, 0, 1]);
    // Under an accepted id, its own body is also lost.
    let findings = compare(entries(), &[row(1, 4), row(2, 2)]);
    assert_eq!(counts(&findings), [2, 1, 0, 1]);
}

#[test]
fn a_second_row_of_an_id_a_key_or_an_attempt_is_doubled() {
    for second in [row(1, 1), row(5, 1), row(5, 2), row(2, 2)] {
        let findings = compare(entries(), &[row(1, 1), row(2, 2), second]);
        assert_eq!(counts(&findings), [3, 0, 1, 0]);
    }
    let findings = compare(entries(), &[row(1, 1), row(2, 2), row(3, 3), row(6, 3)]);
    assert_eq!(
        counts(&findings),
        [4, 0, 1, 0],
        "an attempt without a response"
    );
}

#[test]
fn an_id_that_was_returned_for_two_bodies_is_lost_for_one() {
    let mut entries = entries();
    entries.push(LedgerEntry::Accepted {
        body: body(3),
        key: None,
        id: id(1),
    });
    let findings = compare(entries, &[row(1, 3), row(2, 2)]);
    assert_eq!(counts(&findings), [2, 1, 0, 0]);
}

#[test]
fn a_key_that_is_accepted_twice_counts_once() {
    let mut entries = entries();
    entries.push(LedgerEntry::Accepted {
        body: body(2),
        key: under_key(2),
        id: id(2),
    });
    let findings = compare(entries, &[row(1, 1), row(2, 2)]);
    assert_eq!((findings.accepted, findings.lost), (2, 0));
}

#[test]
fn a_pending_row_is_unsettled() {
    let waiting = Row {
        status: "pending".to_owned(),
        ..row(2, 2)
    };
    let findings = compare(entries(), &[row(1, 1), waiting]);
    assert_eq!(counts(&findings), [2, 0, 0, 0]);
    assert_eq!(findings.unsettled, 1);
}

#[test]
fn a_processed_row_that_was_never_sent_is_undelivered() {
    let sent = |n| Row {
        has_provider: true,
        ..row(n, n)
    };
    let ledger = LedgerSummary::read(entries().into_iter().map(Ok)).expect("a ledger");
    let receivers = Receivers {
        delivered: [id(2)].into(),
        copies: [(id(2), 1)].into(),
        arrivals: arrived(2, 1),
    };
    let findings = compare_with(&ledger, &receivers, &[sent(1), sent(2)]);
    assert_eq!(findings.undelivered, 1);
}

#[test]
fn a_dead_letter_with_an_unknown_outcome_is_right_only_if_the_message_arrived() {
    let unknown = |n| Row {
        status: "failed".to_owned(),
        has_provider: true,
        outcome_unknown: true,
        ..row(n, n)
    };
    let ledger = LedgerSummary::read(entries().into_iter().map(Ok)).expect("a ledger");
    let receivers = Receivers {
        delivered: HashSet::new(),
        copies: [(id(2), 3)].into(),
        arrivals: arrived(2, 3),
    };
    let findings = compare_with(&ledger, &receivers, &[unknown(1), unknown(2)]);
    assert_eq!(findings.outcome_unknown, HashSet::from([id(2)]));
    assert_eq!(findings.unsettled, 1, "the other one never arrived");
    let failed = Row {
        outcome_unknown: false,
        ..unknown(2)
    };
    let findings = compare_with(&ledger, &receivers, &[row(1, 1), failed]);
    assert_eq!(findings.unsettled, 1, "another reason is never right");
}

#[test]
fn more_copies_than_an_unknown_outcome_allows_are_found() {
    let ledger = LedgerSummary::read(entries().into_iter().map(Ok)).expect("a ledger");
    let receivers = Receivers {
        delivered: [id(1), id(2)].into(),
        copies: [(id(1), 3), (id(2), 4)].into(),
        arrivals: HashMap::new(),
    };
    let sent = [1, 2].map(|n| Row {
        has_provider: true,
        ..row(n, n)
    });
    let findings = compare_with(&ledger, &receivers, &sent);
    assert_eq!(findings.too_many_copies, 1);
    let example = format!("too many copies: {} arrived 4 times", id(2));
    assert_eq!(findings.examples, [example]);
}
