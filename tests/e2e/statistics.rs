//! `GET /api/stats`, `GET /api/stats/queues` and `tidings stats`.

use serde_json::{Value, json};
use tidings_domain::notification::Channel;
use tidings_tests::{
    Client, ProgramKind, World, eventually, eventually_ok, notification, secs, tokens,
};

/// The total of a series of an answer; `None` if there is no such series.
fn total(answer: &Value, by: &str) -> Option<u64> {
    let series = answer["series"].as_array().expect("series").iter();
    let mut its = series.filter(|one| one["by"] == by);
    let points = its.next()?["points"].as_array().expect("points").iter();
    Some(
        points
            .map(|point| point["n"].as_u64().expect("a number"))
            .sum(),
    )
}

/// The largest percentiles of a series of an answer.
fn slowest(answer: &Value, by: &str) -> [Option<u64>; 2] {
    let series = answer["series"].as_array().expect("series").iter();
    let mut its = series.filter(|one| one["by"] == by);
    let points = its.next().expect("the series")["points"].as_array();
    let points = points.expect("points");
    ["p50Ms", "p95Ms"].map(|name| points.iter().filter_map(|point| point[name].as_u64()).max())
}

async fn stats(client: &Client, query: &str) -> Value {
    let answer = client.get(&format!("/api/stats?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

#[tokio::test]
async fn the_figures_of_all_processes_add_up() {
    let world = World::with(&[("WORKER_CHANNELS", "intake,email,sms")]).await;
    let (mut one, mut other, mut worker) = tokio::join!(world.api(), world.api(), world.worker());
    let sms = json!({"targetUserId": world.user, "type": "sms",
                     "payload": {"text": "Your order has shipped!", "to": "+4915112345678"}});
    for client in [one.client(), one.client(), other.client()] {
        let _ = client.post(&world.in_app()).await.accepted();
    }
    let _ = other.client().post(&sms).await.accepted();
    // The user has no address.
    let email = notification(world.user, Channel::Email);
    let _ = one.client().post(&email).await.accepted();
    let wrong = one.client().post(&json!({"type": "sms"})).await;
    assert_eq!(wrong.status, 400);
    let batch = [world.in_app(), json!({"type": "fax"})];
    assert_eq!(other.client().post_batch(&batch).await.status, 207);
    eventually(secs(30), "all have ended", async || {
        world.database.count("status = 'processed'").await == 5
            && world.database.count("status = 'failed'").await == 1
    })
    .await;
    eventually(secs(20), "an API has seen the consumers", async || {
        let metrics = one.metrics().await;
        metrics.sum("tidings_queue_consumers", &["queue=\"sms\""]) > 0
    })
    .await;
    // At its end, each process saves what it has counted.
    tokio::join!(one.stop(), other.stop(), worker.stop());

    let api = world.api().await;
    let client = api
        .client()
        .with_token(tokens::scoped(world.user, "dashboard"));
    let outcomes = stats(&client, "").await;
    for (outcome, n) in [
        ("accepted", 6),
        ("refused", 2),
        ("accept_failed", 0),
        ("recorded", 6),
        ("delivered", 5),
        ("failed", 1),
        ("suppressed", 0),
        ("expired", 0),
        ("digested", 0),
    ] {
        assert_eq!(total(&outcomes, outcome), Some(n), "{outcome}");
    }
    for outcome in ["recorded", "delivered"] {
        let percentiles = slowest(&outcomes, outcome);
        assert!(percentiles.iter().all(Option::is_some), "{outcome}");
    }
    assert_eq!(slowest(&outcomes, "accepted"), [None, None]);
    for (query, by, n) in [
        ("by=channel", "in-app", Some(4)),
        ("by=channel", "sms", Some(1)),
        ("by=channel", "webhook", Some(0)),
        ("by=channel&measure=accepted&step=1h", "email", Some(1)),
        ("by=channel&measure=dead_lettered", "email", Some(1)),
        ("by=reason&type=email", "no_recipient", Some(1)),
        (
            "by=reason&measure=failed&step=1d&from=-300d",
            "no_recipient",
            Some(1),
        ),
        ("by=reason&measure=retried", "no_recipient", None),
        ("by=outcome&measure=attempts&type=sms", "delivered", Some(1)),
        ("by=queue&measure=consumers", "webhook", None),
    ] {
        assert_eq!(total(&stats(&client, query).await, by), n, "{query}: {by}");
    }
    let consumers = stats(&client, "by=queue&measure=consumers").await;
    assert_eq!(
        total(&consumers, "sms").map(|n| n > 0),
        Some(true),
        "{consumers}"
    );

    let shown = world.tidings(&["--json", "stats", "--from", "-2h", "--by", "channel"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    assert_eq!(
        (total(&shown, "in-app"), &shown["step"]),
        (Some(4), &json!("1m"))
    );
    let text = world.tidings(&["stats"]).stdout;
    let text = String::from_utf8(text).expect("UTF-8");
    let line = text.lines().find(|line| line.starts_with("accepted"));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    assert!(line.contains('6') && line.contains('█'), "{text}");
    let refused = world.tidings(&["stats", "--from", "-7d"]);
    let error = String::from_utf8(refused.stderr).expect("UTF-8");
    assert_eq!(refused.status.code(), Some(1));
    assert!(error.contains("use --step 1h"), "{error}");
}

#[tokio::test]
async fn statistics_need_their_scope_and_a_wrong_question_is_told_what_to_ask() {
    let (world, api) = World::shared().await;
    let client = api.client();
    for (query, field, part) in [
        ("from=yesterday", "from", "such as -90m"),
        ("from=-1h&to=-2h", "from", "before the end"),
        ("from=-500d&step=1d", "from", "kept for 400 days"),
        ("from=-7d", "step", "use step=1h"),
        ("from=-300d&step=1h", "step", "use step=1d"),
        ("from=-31d&to=-30d", "step", "minutes are kept for 30 days"),
        ("step=5m", "step", "1m, 1h or 1d"),
        ("by=user", "by", "channel, outcome, reason or queue"),
        (
            "by=reason&measure=delivered",
            "measure",
            "must be one of dead_lettered",
        ),
        ("by=queue&type=sms", "type", "by=queue"),
        ("type=fax", "type", "in-app"),
        ("limit=5", "limit", "is not a parameter"),
    ] {
        let answer = client.get(&format!("/api/stats?{query}")).await;
        answer.assert_error(400, "invalid_query");
        let details = answer.body["details"].as_array().expect("details");
        assert_eq!(details[0]["field"], field, "{query}: {}", answer.text);
        let message = details[0]["message"].as_str().expect("a message");
        assert!(message.contains(part), "{query}: {message}");
    }
    for path in ["/api/stats", "/api/stats/queues"] {
        for (scope, status) in [
            ("dashboard", 200),
            ("admin", 200),
            ("notifications:read audit:read", 403),
        ] {
            let client = client.with_token(tokens::scoped(world.user, scope));
            assert_eq!(client.get(path).await.status, status, "{path} {scope}");
        }
        assert_eq!(client.anonymous().get(path).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn the_queues_are_shown_with_their_messages_and_consumers() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api
        .client()
        .with_token(tokens::scoped(world.user, "dashboard"));
    let mut worker = world
        .start(ProgramKind::Worker, &[("WORKER_CHANNELS", "intake")])
        .await;
    let queue = async |label: &str| {
        let answer = client.get("/api/stats/queues").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let queues = answer.body["queues"].as_array().expect("queues").clone();
        let mut its = queues.into_iter().filter(|queue| queue["label"] == label);
        its.next()
            .unwrap_or_else(|| panic!("{label}: {}", answer.text))
    };
    let until = async |label: &str, depth: u64, consumers: u64| {
        eventually_ok(secs(20), label, async || {
            let found = queue(label).await;
            let expected = json!([depth, consumers]);
            let counts = json!([found["depth"], found["consumers"]]);
            if counts == expected {
                Ok(found)
            } else {
                Err(found.to_string())
            }
        })
        .await
    };
    let sms = notification(world.user, Channel::Sms);
    let _ = client
        .with_token(tokens::service())
        .post(&sms)
        .await
        .accepted();
    let intake = until("intake", 0, 1).await;
    let names = world.broker_settings(&[]).names;
    assert_eq!(intake["name"], json!(names.queue));
    assert_eq!(
        (&intake["kind"], &intake["channel"]),
        (&json!("work"), &Value::Null)
    );
    let waiting = until("sms", 1, 0).await;
    assert_eq!(
        (&waiting["kind"], &waiting["channel"]),
        (&json!("work"), &json!("sms"))
    );
    worker.stop().await;
    until("intake", 0, 0).await;
    for (label, kind) in [
        ("wait.5m", "wait"),
        ("retry.1", "retry"),
        ("dead_letters", "dead_letters"),
    ] {
        let found = until(label, 0, 0).await;
        assert_eq!(found["kind"], kind);
    }
    assert_eq!(queue("dead_letters").await["name"], json!(names.dlq));
}
