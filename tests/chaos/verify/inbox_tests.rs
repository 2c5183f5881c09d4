//! Inboxes against what their readers have seen and done.

use serde_json::json;

use super::*;

const READER: Uuid = Uuid::from_u128(9);

/// Notification `n` of the reader.
fn row(n: u128) -> Row {
    Row {
        id: Uuid::from_u128(n),
        body: Fingerprint::of(Some(READER), "in-app", &json!({"n": n.to_string()})),
        has_provider: false,
        user: Some(READER),
        channel: "in-app".to_owned(),
        ..super::tests::processed()
    }
}

/// Returns how many are unseen, shown wrongly and marked wrongly.
fn wrong(rows: &[Row], record: ReaderRecord) -> [usize; 3] {
    let found = found(rows, record);
    [found.unseen, found.shown_wrongly, found.marked_wrongly]
}

fn found(rows: &[Row], record: ReaderRecord) -> Findings {
    let ledger = LedgerSummary::default();
    let (receivers, times) = (Receivers::default(), SendTimes::default());
    let readers = [(READER, record)].into();
    let mut comparison = Comparison::new(&ledger, &receivers, &times, &readers);
    for row in rows {
        comparison.add(row);
    }
    comparison.finish()
}

fn ids(numbers: &[u128]) -> HashSet<Uuid> {
    numbers.iter().map(|n| Uuid::from_u128(*n)).collect()
}

#[test]
fn each_notification_is_seen_by_its_reader_only() {
    let seen = |numbers: &[u128]| ReaderRecord {
        seen: ids(numbers),
        ..ReaderRecord::default()
    };
    assert_eq!(wrong(&[row(1), row(2)], seen(&[1, 2])), [0; 3]);
    assert_eq!(wrong(&[row(1), row(2)], seen(&[2])), [1, 0, 0]);
    assert_eq!(wrong(&[row(1)], seen(&[1, 3])), [0, 1, 0]);
    let of_another = Row {
        user: Some(Uuid::from_u128(8)),
        ..row(2)
    };
    assert_eq!(wrong(&[row(1), of_another], seen(&[1, 2])), [0, 1, 0]);
    let mut unprocessed = row(1);
    unprocessed.status = "scheduled".to_owned();
    unprocessed.processed_at = None;
    assert_eq!(wrong(&[unprocessed.clone()], seen(&[])), [0; 3]);
    assert_eq!(wrong(&[unprocessed], seen(&[1])), [0, 1, 0]);
    let mut expired = row(1);
    expired.expires_at = Some(Timestamp::UNIX_EPOCH);
    assert_eq!(wrong(&[expired.clone()], seen(&[])), [0; 3]);
    assert_eq!(wrong(&[expired], seen(&[1])), [0; 3]);
}

#[test]
fn a_notification_is_read_if_an_answer_says_so_and_only_if_a_request_was_made() {
    let record = |read: &[u128], maybe: &[u128]| ReaderRecord {
        seen: ids(&[1]),
        read: ids(read),
        maybe_read: ids(maybe),
        ..ReaderRecord::default()
    };
    let is_read = Row {
        is_read: true,
        ..row(1)
    };
    for (row, record, marked_wrongly) in [
        (row(1), record(&[], &[]), 0),
        (row(1), record(&[], &[1]), 0),
        (row(1), record(&[1], &[]), 1),
        (is_read.clone(), record(&[1], &[]), 0),
        (is_read.clone(), record(&[], &[1]), 0),
        (is_read, record(&[], &[]), 1),
    ] {
        let case = format!("{row:?} {record:?}");
        assert_eq!(wrong(&[row], record), [0, 0, marked_wrongly], "{case}");
    }
}

/// A notification that expires so many hours after it became visible.
fn expiring(hours: i64) -> Row {
    let row = row(1);
    let visible = row.processed_at.expect("processed");
    Row {
        expires_at: Some(visible + jiff::SignedDuration::from_hours(hours)),
        ..row
    }
}

#[test]
fn what_expires_after_the_run_is_seen_and_marked_like_any_other() {
    let record = |seen: &[u128], read: &[u128]| ReaderRecord {
        seen: ids(seen),
        read: ids(read),
        ..ReaderRecord::default()
    };
    assert_eq!(wrong(&[expiring(24)], record(&[], &[])), [1, 0, 0]);
    assert_eq!(wrong(&[expiring(24)], record(&[1], &[])), [0; 3]);
    assert_eq!(wrong(&[expiring(24)], record(&[1], &[1])), [0, 0, 1]);
    // It may have expired between the list and the request that marks it.
    assert_eq!(wrong(&[expiring(1)], record(&[1], &[1])), [0; 3]);
    let is_read = |hours| Row {
        is_read: true,
        ..expiring(hours)
    };
    assert_eq!(wrong(&[is_read(24)], record(&[1], &[])), [0, 0, 1]);
    assert_eq!(wrong(&[is_read(24)], record(&[1], &[1])), [0; 3]);
    assert_eq!(wrong(&[is_read(1)], record(&[], &[])), [0; 3]);
}

#[test]
fn a_list_shows_nothing_that_had_expired_when_it_was_asked_for() {
    let row = expiring(1);
    let expires_at = row.expires_at.expect("an expiry");
    for (after, expected) in [(-60, 0), (-1, 0), (0, 0), (1, 1), (60, 1)] {
        let from = expires_at + jiff::SignedDuration::from_secs(after);
        let period = Period {
            from,
            until: from + jiff::SignedDuration::from_secs(10),
        };
        let record = ReaderRecord {
            seen: ids(&[1]),
            listed: [(row.id, period)].into(),
            ..ReaderRecord::default()
        };
        let found = found(std::slice::from_ref(&row), record);
        assert_eq!(found.shown_after_expiry, expected, "{after}");
    }
}
