//! Sends against what users had chosen.

use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::clock_history::ClockHistory;
use crate::ledger::{Choice, LedgerEntry, Quiet, UserChange, Window};

const ID: Uuid = Uuid::from_u128(1);
const USER: Uuid = Uuid::from_u128(2);

/// 2027-01-15T08:00:00Z, a Friday, and so many seconds.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

/// An attempt that was decided and written at this second.
fn attempt(second: i64) -> Attempt {
    Attempt {
        decided: at(second),
        written: at(second),
    }
}

/// A text message of a user that was sent at these seconds, under these categories.
struct Case {
    entries: Vec<LedgerEntry>,
    times: SendTimes,
    arrivals: Vec<i64>,
    row: Row,
}

impl Case {
    fn new(attempts: &[i64], category: Option<Category>) -> Self {
        let body = Fingerprint::of(Some(USER), "sms", &json!({"text": "hello"}));
        let posted = LedgerEntry::Attempt {
            body,
            key: None,
            times: PostedTimes {
                category,
                ..PostedTimes::default()
            },
        };
        let row = Row {
            id: ID,
            body,
            user: Some(USER),
            channel: "sms".to_owned(),
            category: category.map(|category| category.name().to_owned()),
            attempts: attempts.iter().map(|second| attempt(*second)).collect(),
            ..super::tests::processed()
        };
        Self {
            entries: vec![posted],
            times: SendTimes::default(),
            arrivals: attempts.to_vec(),
            row,
        }
    }

    /// The user asks for a change, and is answered.
    fn change(mut self, change: UserChange, asked: i64, answered: Option<i64>) -> Self {
        self.entries.push(LedgerEntry::Change {
            user: USER,
            change,
            at: at(asked),
        });
        self.entries
            .extend(answered.map(|answered| LedgerEntry::Changed {
                user: USER,
                at: at(answered),
            }));
        self
    }

    fn suppressed(mut self, ended: i64) -> Self {
        self.row.status = "suppressed".to_owned();
        self.row.reason = Some("preference".to_owned());
        self.row.ended_at = Some(at(ended));
        self.row.processed_at = None;
        self
    }

    fn found(&self) -> Findings {
        let entries = self.entries.iter().cloned().map(Ok);
        let ledger = LedgerSummary::read(entries).expect("a ledger");
        let mut receivers = Receivers::default();
        if !self.arrivals.is_empty() {
            receivers.delivered.insert(ID);
            let copies = u32::try_from(self.arrivals.len()).expect("few");
            receivers.copies.insert(ID, copies);
            let arrivals = self.arrivals.iter().map(|second| at(*second));
            receivers.arrivals.insert(ID, arrivals.collect());
        }
        let readers = HashMap::new();
        let mut comparison = Comparison::new(&ledger, &receivers, &self.times, &readers);
        comparison.add(&self.row);
        comparison.finish()
    }

    /// The names of what is wrong.
    fn wrong(&self) -> Vec<&'static str> {
        let found = self.found().must_be_zero();
        let wrong = found.into_iter().filter(|(_, n)| *n > 0);
        wrong.map(|(what, _)| what).collect()
    }
}

fn choice(category: &str, channel: &str, enabled: Option<bool>) -> UserChange {
    UserChange::Choice(Choice {
        category: category.to_owned(),
        channel: channel.to_owned(),
        enabled,
    })
}

/// Quiet every day between these minutes after 08:00 UTC.
fn quiet(from: u16, to: u16) -> UserChange {
    let window = Window {
        days: (1..=7).collect(),
        from: 8 * 60 + from,
        to: 8 * 60 + to,
    };
    UserChange::Quiet(Quiet {
        timezone: None,
        windows: vec![window],
        channels: None,
    })
}

const NONE: [&str; 0] = [];
const AFTER_OPT_OUT: [&str; 1] = ["sent after opt-out"];
const IN_QUIET: [&str; 1] = ["sent during quiet hours"];

#[test]
fn no_attempt_begins_after_an_answered_opt_out() {
    let refused = |attempt, answered| {
        let case = Case::new(&[attempt], Some(Category::Orders));
        case.change(choice("orders", "sms", Some(false)), 10, answered)
            .wrong()
    };
    assert_eq!(refused(9, Some(11)), NONE);
    assert_eq!(refused(11, Some(11)), NONE);
    assert_eq!(refused(12, Some(11)), AFTER_OPT_OUT);
    assert_eq!(refused(14, None), NONE, "nobody knows");
    // It may have been taken back from its request on.
    let case = Case::new(&[14], Some(Category::Orders))
        .change(choice("orders", "sms", Some(false)), 1, Some(2))
        .change(choice("orders", "sms", None), 13, Some(20));
    assert_eq!(case.wrong(), NONE);
    let again = Case::new(&[30], Some(Category::Orders))
        .change(choice("orders", "sms", Some(false)), 1, Some(2))
        .change(choice("orders", "sms", Some(false)), 13, None);
    assert_eq!(again.wrong(), AFTER_OPT_OUT, "the same choice");
}

#[test]
fn every_attempt_counts() {
    let case = Case::new(&[5, 40], Some(Category::Orders));
    let case = case.change(choice("*", "*", Some(false)), 10, Some(11));
    assert_eq!(case.wrong(), AFTER_OPT_OUT);
    assert_eq!(case.found().sent_after_opt_out, 1);
}

#[test]
fn a_refusal_is_about_its_category_and_channel() {
    let wrong = |category, channel, of| {
        let case = Case::new(&[99], of);
        let case = case.change(choice(category, channel, Some(false)), 10, Some(11));
        !case.wrong().is_empty()
    };
    let orders = Some(Category::Orders);
    for (category, channel, of, is_refused) in [
        ("orders", "sms", orders, true),
        ("orders", "*", orders, true),
        ("*", "sms", orders, true),
        ("*", "*", orders, true),
        ("hints", "sms", orders, false),
        ("orders", "push", orders, false),
        ("*", "sms", None, true),
        ("orders", "sms", None, false),
        ("*", "*", Some(Category::Security), false),
    ] {
        let case = format!("{category} {channel} {of:?}");
        assert_eq!(wrong(category, channel, of), is_refused, "{case}");
    }
    // A more specific wish overrules no refusal.
    let case = Case::new(&[99], orders)
        .change(choice("*", "sms", Some(false)), 10, Some(11))
        .change(choice("orders", "sms", Some(true)), 20, Some(21));
    assert_eq!(case.wrong(), AFTER_OPT_OUT);
}

#[test]
fn the_time_of_the_decision_counts_however_long_it_took_to_write() {
    let wrong = |decided| {
        let mut case = Case::new(&[100], None).change(quiet(1, 3), 10, Some(11));
        case.row.attempts[0].decided = at(decided);
        case.wrong()
    };
    assert_eq!(wrong(59), NONE);
    assert_eq!(wrong(60), IN_QUIET);
}

#[test]
fn no_attempt_begins_in_quiet_hours() {
    // Quiet from second 60 to second 180.
    let wrong = |attempt| {
        let case = Case::new(&[attempt], None);
        case.change(quiet(1, 3), 10, Some(11)).wrong()
    };
    assert_eq!(wrong(59), NONE);
    for second in [60, 61, 100, 179] {
        assert_eq!(wrong(second), IN_QUIET);
    }
    assert_eq!(wrong(180), NONE);
    // Not known to be quiet.
    let case = Case::new(&[100], None);
    assert_eq!(case.change(quiet(1, 3), 10, None).wrong(), NONE);
    let case = Case::new(&[100], None)
        .change(quiet(1, 3), 10, Some(11))
        .change(UserChange::Quiet(Quiet::default()), 99, Some(120));
    assert_eq!(case.wrong(), NONE);
    let case = Case::new(&[100], None).change(quiet(1, 3), 98, Some(99));
    assert_eq!(case.wrong(), IN_QUIET, "the change waits for claims");
    // Two quiet hours, of which one is in force.
    let case = Case::new(&[100], None)
        .change(quiet(1, 3), 10, Some(11))
        .change(quiet(1, 4), 99, Some(120));
    assert_eq!(case.wrong(), IN_QUIET);
    let critical = Case::new(&[100], Some(Category::Security));
    assert_eq!(critical.change(quiet(1, 3), 10, Some(11)).wrong(), NONE);
    let mut email = Case::new(&[100], None).change(quiet(1, 3), 10, Some(11));
    "email".clone_into(&mut email.row.channel);
    email.row.body = Fingerprint::of(Some(USER), "sms", &json!({"text": "hello"}));
    assert_eq!(email.wrong(), NONE);
}

#[test]
fn the_clock_of_postgresql_says_when_it_is_quiet() {
    let mut clock = ClockHistory::default();
    clock.record(at(30), SignedDuration::from_secs(60));
    clock.record(at(200), SignedDuration::ZERO);
    // At second 40, the clock showed 100.
    let case = |started, arrived| {
        let mut case = Case::new(&[started], None).change(quiet(1, 3), 1, Some(2));
        case.arrivals = vec![arrived];
        case.times = SendTimes::new(clock.clone(), Vec::new(), Vec::new());
        case.wrong()
    };
    assert_eq!(case(100, 40), IN_QUIET);
    assert_eq!(case(185, 125), NONE);
    assert_eq!(case(91, 31), IN_QUIET);
    assert_eq!(case(29, 29), NONE, "before the step");
}

#[test]
fn what_is_held_is_sent_afterwards_and_only_if_it_may_be_held() {
    let held = |change| {
        let mut case = Case::new(&[200], None).change(change, 1, Some(2));
        case.row.reason = Some("quiet_hours".to_owned());
        case
    };
    let case = held(quiet(1, 3));
    assert_eq!(case.wrong(), NONE);
    let found = case.found();
    assert_eq!(
        (found.held, found.held_and_sent, found.held_and_repeated),
        (1, 1, 0)
    );
    let nobody = held(choice("orders", "sms", None));
    assert_eq!(nobody.wrong(), ["held wrongly"]);
    let mut unsent = held(quiet(1, 3));
    unsent.arrivals.clear();
    assert_eq!(unsent.wrong(), ["not delivered"]);
}

#[test]
fn a_notification_is_suppressed_only_if_its_user_may_not_have_wanted_it() {
    let wrong = |ended, change| {
        let case = Case::new(&[], Some(Category::Orders)).change(change, 10, Some(11));
        case.suppressed(ended).wrong()
    };
    let refusal = || choice("orders", "sms", Some(false));
    assert_eq!(wrong(20, refusal()), NONE);
    assert_eq!(wrong(9, refusal()), NONE, "it takes some time");
    assert_eq!(wrong(7, refusal()), ["ended wrongly"]);
    assert_eq!(
        wrong(20, choice("hints", "sms", Some(false))),
        ["ended wrongly"]
    );
    let mut stranger = Case::new(&[], Some(Category::Orders)).suppressed(20);
    stranger.row.user = None;
    assert_eq!(stranger.wrong(), ["ended wrongly"]);
    let mut erased = Case::new(&[], Some(Category::Orders)).change(refusal(), 10, Some(11));
    erased = erased.suppressed(20);
    erased.row.reason = Some("user_gone".to_owned());
    assert_eq!(erased.wrong(), ["ended wrongly"]);
}

#[test]
fn each_copy_belongs_to_an_attempt() {
    let mut case = Case::new(&[100], None).change(choice("hints", "*", None), 1, Some(2));
    case.arrivals = vec![131];
    assert_eq!(case.wrong(), NONE);
    case.arrivals = vec![99];
    assert_eq!(case.wrong(), ["sent without an attempt"]);
    case.arrivals = vec![133];
    assert_eq!(case.wrong(), ["sent without an attempt"]);
}

#[test]
fn a_recipient_without_an_account_unsubscribes() {
    let wrong = |guest: Uuid, enabled, ended: Option<i64>| {
        let attempts: &[i64] = if ended.is_some() { &[] } else { &[99] };
        let mut case = Case::new(attempts, Some(Category::Orders))
            .change(choice("orders", "sms", Some(false)), 10, Some(11))
            .change(choice("orders", "sms", enabled), 20, Some(21));
        case.row.user = None;
        case.row.guest = Some(guest);
        if let Some(ended) = ended {
            case = case.suppressed(ended);
        }
        case.wrong()
    };
    let other = Uuid::from_u128(3);
    assert_eq!(wrong(USER, Some(false), None), AFTER_OPT_OUT);
    assert_eq!(wrong(USER, None, None), NONE);
    assert_eq!(wrong(other, Some(false), None), NONE);
    assert_eq!(wrong(USER, Some(false), Some(30)), NONE);
    assert_eq!(wrong(USER, None, Some(30)), ["ended wrongly"]);
    assert_eq!(wrong(other, Some(false), Some(30)), ["ended wrongly"]);
}
