use super::super::facts::{
    ChannelSwitch, DatedCount, JobFacts, QueueFacts, RunningProcess, ServerState,
};
use super::super::report::ChannelReport;
use super::super::view::{Overview, StatsFigures};
use super::*;

fn queue(label: &str, role: QueueRole, counts: (u32, u32)) -> QueueFacts {
    QueueFacts {
        label: label.to_owned(),
        role,
        counts: Some(counts),
    }
}

fn at() -> Timestamp {
    "2027-01-31T12:00:30Z".parse().expect("a time")
}

fn process(channels: Vec<ChannelReport>) -> RunningProcess {
    RunningProcess {
        program: "worker".to_owned(),
        version: "1.0.0".to_owned(),
        stages: Vec::new(),
        channels,
        started_at: at(),
        seen_at: at(),
    }
}

fn report(channel: &str, state: &str, reason: Option<&str>) -> ChannelReport {
    ChannelReport {
        channel: channel.to_owned(),
        provider: "smtp".to_owned(),
        state: state.to_owned(),
        since: None,
        reason: reason.map(str::to_owned),
        destinations_away: None,
        away: Vec::new(),
    }
}

/// An installation in which nothing is wrong.
fn healthy() -> Facts {
    let email = QueueRole::Delivery(DeliveredChannel::Email);
    let sms = QueueRole::Delivery(DeliveredChannel::Sms);
    Facts {
        at: at(),
        broker: ServerState::Connected,
        queues: vec![
            queue("intake", QueueRole::Intake, (0, 1)),
            queue("email", email, (3, 1)),
            // No provider.
            queue("sms", sms, (0, 0)),
            queue("dead_letters", QueueRole::DeadLetters, (7, 0)),
        ],
        max_queue_length: 1000,
        database: Some(DatabaseFacts {
            processes: vec![process(vec![report("email", "delivering", None)])],
            scheduler_seen: Some(Duration::from_secs(1)),
            oldest_waiting: Some(BACKLOG),
            overdue: Some(Duration::from_secs(59)),
            ..DatabaseFacts::default()
        }),
    }
}

fn codes(facts: &Facts) -> Vec<&'static str> {
    let problems = Overview::of(facts).problems;
    problems.iter().map(|problem| problem.code).collect()
}

#[test]
fn nothing_is_wrong_with_an_installation_that_works() {
    assert_eq!(codes(&healthy()), [""; 0]);
}

/// What one change of the facts says: the code, the channel and the link.
fn changed(change: impl FnOnce(&mut Facts, &mut DatabaseFacts)) -> Vec<Problem> {
    let mut facts = healthy();
    let mut known = facts.database.take().expect("known");
    change(&mut facts, &mut known);
    facts.database = Some(known);
    Overview::of(&facts).problems
}

#[test]
fn times_have_the_unit_that_fits_and_counts_say_where_they_end() {
    let message = |change: fn(&mut DatabaseFacts)| {
        let problems = changed(|_, known| change(known));
        let [problem] = &*problems else {
            panic!("one problem, not {problems:?}")
        };
        problem.message.clone()
    };
    let lag = message(|known| known.figures.recorded_p95_ms = Some(9_360_000));
    assert_eq!(lag, "Recording of accepted notifications takes 2 h");
    let many = message(|known| {
        known.dead_letters_24h = CappedCount {
            count: 1000,
            is_capped: true,
        };
    });
    assert_eq!(many, "More than 1000 dead letters in the last 24 hours");
}

/// Changes the facts of an installation that works.
type Change = Box<dyn Fn(&mut Facts, &mut DatabaseFacts)>;

/// Each problem alone: its code, its link, and the change of the facts that causes it.
#[expect(clippy::too_many_lines, reason = "a table")]
fn problems() -> Vec<(&'static str, &'static str, Change)> {
    let late = Some(LATE);
    let one = CappedCount {
        count: 1,
        is_capped: false,
    };
    vec![
        (
            "broker_unreachable",
            "/system",
            Box::new(|facts, _| facts.broker = ServerState::Disconnected),
        ),
        (
            "no_consumers",
            "/system",
            Box::new(|facts, _| facts.queues[0].counts = Some((0, 0))),
        ),
        (
            "no_consumers",
            "/system",
            Box::new(|facts, _| facts.queues[1].counts = Some((5, 0))),
        ),
        (
            "no_consumers",
            "/system",
            Box::new(|facts, _| facts.queues[2].counts = Some((1, 0))),
        ),
        (
            "queue_near_limit",
            "/system",
            Box::new(|facts, _| facts.queues[0].counts = Some((800, 1))),
        ),
        (
            "intake_lag",
            "/system",
            Box::new(|_, known| {
                known.figures = StatsFigures {
                    recorded_p95_ms: Some(INTAKE_LAG_MS + 1),
                    ..StatsFigures::default()
                };
            }),
        ),
        (
            "due_backlog",
            "/notifications?status=pending",
            Box::new(|_, known| known.oldest_waiting = Some(BACKLOG + LATE)),
        ),
        (
            "scheduler_down",
            "/system",
            Box::new(|_, known| known.scheduler_seen = None),
        ),
        (
            "scheduler_overdue",
            "/notifications?status=scheduled",
            Box::new(move |_, known| known.overdue = late),
        ),
        (
            "schedules_overdue",
            "/schedules",
            Box::new(move |_, known| known.schedules_overdue = late),
        ),
        (
            "digests_overdue",
            "/notifications?status=scheduled",
            Box::new(move |_, known| known.digests_overdue = late),
        ),
        (
            "dead_letters",
            "/dead-letters?from=2027-01-30T12:00:30Z",
            Box::new(move |_, known| known.dead_letters_24h = one),
        ),
        (
            "schedules_failed",
            "/schedules?state=failed",
            Box::new(|_, known| known.schedules_failed = 1),
        ),
        (
            "job_without_progress",
            "/jobs?state=without_process",
            Box::new(|_, known| {
                known.jobs.without_process = DatedCount {
                    count: 1,
                    since: None,
                };
            }),
        ),
        (
            "job_failing",
            "/jobs?state=failing",
            Box::new(|_, known| {
                known.jobs = JobFacts {
                    with_error: 1,
                    ..JobFacts::default()
                };
            }),
        ),
        (
            "endpoints_disabled",
            "/endpoints?state=disabled_by_tidings",
            Box::new(move |_, known| known.endpoints_disabled = one),
        ),
        (
            "versions_differ",
            "/system",
            Box::new(|_, known| {
                let mut other = process(Vec::new());
                other.version = "1.1.0".to_owned();
                known.processes.push(other);
            }),
        ),
    ]
}

#[test]
fn each_problem_is_found_and_links_to_its_page() {
    for (code, link, change) in problems() {
        let found = changed(&*change);
        let [problem] = &found[..] else {
            panic!("{code}: {found:?}");
        };
        assert_eq!((problem.code, &*problem.link), (code, link));
    }
    let mut facts = healthy();
    facts.database = None;
    assert_eq!(codes(&facts), ["database_unreachable"]);
    assert_eq!(Overview::of(&facts).channels[0].state, "unknown");
}

/// The links of all problems, for the tests of the pages that they lead to.
#[test]
fn generated_links_of_problems() {
    const FILE: &str = "web/dashboard/tests/problem-links.json";
    let mut links: Vec<(&str, String)> = problems()
        .into_iter()
        .map(|(code, link, _)| (code, link.to_owned()))
        .collect();
    links.push(("database_unreachable", "/system".to_owned()));
    links.extend(problems_of_channels().map(|problem| (problem.code, problem.link)));
    let entries: Vec<String> = links
        .iter()
        .map(|(code, link)| format!("  {{ \"code\": \"{code}\", \"link\": \"{link}\" }}"))
        .collect();
    let text = format!("[\n{}\n]\n", entries.join(",\n"));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(FILE);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).expect("written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "{FILE} differs from the problems: UPDATE=1 cargo test -p tidings-domain generated"
    );
}

/// The problems of channels in all states.
fn problems_of_channels() -> impl Iterator<Item = Problem> {
    let states = [
        ("away", None),
        ("away", Some(CREDENTIALS)),
        ("paused", None),
    ];
    let of_workers = states.into_iter().flat_map(|(state, reason)| {
        changed(|_, known| {
            known
                .processes
                .insert(0, process(vec![report("email", state, reason)]));
        })
    });
    let stopped = changed(|_, known| {
        known.switches.push(ChannelSwitch {
            channel: DeliveredChannel::Email,
            reason: None,
            by: "anna".to_owned(),
            at: at(),
        });
    });
    let away = changed(|_, known| {
        let mut webhooks = report("webhook", "delivering", None);
        webhooks.destinations_away = Some(2);
        known.processes[0].channels.push(webhooks);
    });
    of_workers.chain(stopped).chain(away)
}

#[test]
fn the_worst_of_several_workers_counts_and_explains_why_nothing_is_consumed() {
    for (state, reason, code) in [
        ("away", Some("consecutive failures"), "provider_away"),
        ("away", Some(CREDENTIALS), "credentials_refused"),
        ("paused", None, "provider_throttles"),
    ] {
        let found = changed(|facts, known| {
            facts.queues[1].counts = Some((5, 0));
            let worker = process(vec![report("email", state, reason)]);
            known.processes.insert(0, worker);
        });
        let codes: Vec<_> = found.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [code]);
        assert_eq!((found[0].channel, found[0].count), (Some("email"), Some(5)));
    }
    let found = changed(|facts, known| {
        facts.queues[1].counts = Some((5, 0));
        known.switches.push(ChannelSwitch {
            channel: DeliveredChannel::Email,
            reason: Some("maintenance".to_owned()),
            by: "anna".to_owned(),
            at: at(),
        });
    });
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0].message,
        "An operator has stopped email: maintenance"
    );
    let found = changed(|_, known| {
        let mut webhooks = report("webhook", "delivering", None);
        webhooks.destinations_away = Some(2);
        known.processes[0].channels.push(webhooks);
    });
    assert_eq!(
        (found[0].code, found[0].count),
        ("destinations_away", Some(2))
    );
}

#[test]
fn errors_come_first_and_a_full_queue_is_one() {
    let found = changed(|facts, known| {
        known.schedules_failed = 2;
        facts.queues[0].counts = Some((1000, 1));
    });
    let severities: Vec<_> = found.iter().map(|problem| problem.severity).collect();
    assert_eq!(
        severities,
        [ProblemSeverity::Error, ProblemSeverity::Warning]
    );
    // Without a limit, no queue is full.
    let found = changed(|facts, _| {
        facts.max_queue_length = 0;
        facts.queues[0].counts = Some((1000, 1));
    });
    assert_eq!(found, []);
}
