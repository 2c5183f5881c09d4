use serde_json::Value;

use super::*;
use crate::injector::FaultKind;

fn good() -> Report {
    Report {
        injected: InjectedFaults {
            faults: [(FaultKind::KillWorker, 3)].into(),
            ..InjectedFaults::default()
        },
        counts: Some(Counts {
            accepted: 12,
            refused: 5,
            unanswered: 2,
            skipped: 0,
            expired: 3,
        }),
        gaps: Some(
            [
                ("rabbitmq".to_owned(), Duration::from_micros(1_234_567)),
                ("api+postgres".to_owned(), Duration::from_secs(9)),
            ]
            .into(),
        ),
        max_gap: Duration::from_secs(3),
        seconds_to_heal: Some(4.5),
        findings: Some(Findings {
            accepted: 10,
            recorded: 11,
            unanswered: 1,
            ..Findings::default()
        }),
        readers: Some(ReaderSummary {
            readers: 3,
            streams: 7,
            wrong_counts: Some(0),
            ..ReaderSummary::default()
        }),
        dead_letters: Some(0),
        memory: vec![MemoryLevel {
            component: Component::Api(0),
            level: 10 << 20,
            now: 20 << 20,
            peak: 30 << 20,
            bound: 47 << 20,
        }],
        ..Report::new(7, 3)
    }
}

#[test]
fn a_finding_that_must_be_zero_fails_the_run() {
    assert_eq!(good().failures(), [""; 0]);
    let spoil: [fn(&mut Findings); 19] = [
        |found| found.lost = 1,
        |found| found.doubled = 1,
        |found| found.foreign = 1,
        |found| found.unsettled = 1,
        |found| found.undelivered = 1,
        |found| found.too_many_copies = 1,
        |found| found.wrong_ends = 1,
        |found| found.sent_after_cancel = 1,
        |found| found.sent_early = 1,
        |found| found.sent_after_expiry = 1,
        |found| found.sent_after_opt_out = 1,
        |found| found.sent_in_quiet = 1,
        |found| found.held_wrongly = 1,
        |found| found.sent_without_attempt = 1,
        |found| found.unseen = 1,
        |found| found.shown_wrongly = 1,
        |found| found.shown_after_expiry = 1,
        |found| found.marked_wrongly = 1,
        |found| found.accepted = 0,
    ];
    for spoil in spoil {
        let mut report = good();
        report.findings.iter_mut().for_each(spoil);
        assert_eq!(report.failures().len(), 1, "{report}");
    }
}

#[test]
fn dead_letters_memory_and_errors_fail_the_run() {
    let mut report = good();
    report.dead_letters = Some(2);
    if let Some(readers) = &mut report.readers {
        readers.wrong_counts = Some(1);
    }
    report.memory[0].now = 48 << 20;
    report.errors = vec!["worker-1 ended by itself".to_owned()];
    assert_eq!(
        report.failures(),
        [
            "worker-1 ended by itself",
            "dead notifications: 2",
            "readers with wrong counts: 1",
            "api-1 uses 48 MiB of memory, more than 47 MiB",
        ]
    );
}

#[test]
fn a_long_time_without_a_202_fails_the_run_only_while_rabbitmq_alone_is_hurt() {
    let mut report = good();
    let gaps = report.gaps.as_mut().expect("gaps");
    gaps.insert("rabbitmq+postgres".to_owned(), Duration::from_secs(30));
    gaps.insert("rabbitmq".to_owned(), Duration::from_millis(3_100));
    assert_eq!(
        report.failures(),
        ["no 202 for 3.1 s while only RabbitMQ was hurt"]
    );
}

#[test]
fn an_unknown_value_is_a_failure_and_null() {
    let report = Report::new(7, 3);
    assert_eq!(
        report.failures(),
        ["the ledger was not compared with the rows"]
    );
    let json: Value = serde_json::from_str(&report.to_json().expect("JSON")).expect("JSON");
    for member in ["lost", "accepted", "refused", "longest_gap_s"] {
        assert_eq!(json[member], Value::Null, "{member}");
    }
}

#[test]
fn the_json_has_its_documented_members() {
    let json: Value = serde_json::from_str(&good().to_json().expect("JSON")).expect("JSON");
    for (member, value) in [
        ("seed", serde_json::json!(7)),
        ("minutes", serde_json::json!(3)),
        ("faults", serde_json::json!({"kill_worker": 3})),
        ("accepted", serde_json::json!(10)),
        ("recorded", serde_json::json!(11)),
        ("lost", serde_json::json!(0)),
        ("doubled", serde_json::json!(0)),
        ("foreign", serde_json::json!(0)),
        ("dead_letters", serde_json::json!(0)),
        ("streams", serde_json::json!(7)),
        ("wrong_counts", serde_json::json!(0)),
        ("refused", serde_json::json!(5)),
        ("expired_unaccepted", serde_json::json!(3)),
        ("longest_gap_s", serde_json::json!(9.0)),
        (
            "longest_gap_by_hurt_s",
            serde_json::json!({"rabbitmq": 1.234, "api+postgres": 9.0}),
        ),
        ("seconds_to_heal", serde_json::json!(4.5)),
        ("failures", serde_json::json!([])),
    ] {
        assert_eq!(json[member], value, "{member}");
    }
}
