//! `GET /api/overview`: what is wrong, how much is sent, and what waits.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::Channel;
use tidings_tests::{World, eventually_ok, notification, secs, tokens};

use crate::audit::execute;

fn codes(overview: &Value) -> BTreeSet<String> {
    let problems = overview["problems"].as_array().expect("problems").iter();
    problems
        .map(|problem| problem["code"].as_str().expect("a code").to_owned())
        .collect()
}

fn problem<'a>(overview: &'a Value, code: &str) -> &'a Value {
    let problems = overview["problems"].as_array().expect("problems");
    let found = problems.iter().find(|problem| problem["code"] == code);
    found.unwrap_or_else(|| panic!("no {code}: {overview}"))
}

fn channel<'a>(overview: &'a Value, name: &str) -> &'a Value {
    let channels = overview["channels"].as_array().expect("channels");
    let found = channels.iter().find(|channel| channel["channel"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {overview}"))
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "one installation, problem by problem"
)]
async fn the_overview_finds_what_is_wrong_and_the_tool_shows_the_same() {
    let world = World::with(&[("WORKER_CHANNELS", "intake,scheduler,email")]).await;
    let (api, mut worker) = tokio::join!(world.api(), world.worker());
    let client = api
        .client()
        .with_token(tokens::scoped(world.user, "dashboard"));
    let until = async |what: &str, is_so: &dyn Fn(&Value) -> bool| {
        eventually_ok(secs(60), what, async || {
            let answer = client.get("/api/overview").await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            if is_so(&answer.body) {
                Ok(answer.body)
            } else {
                Err(answer.text)
            }
        })
        .await
    };
    let quiet = until("nothing is wrong", &|overview| {
        codes(overview).is_empty()
            && overview["processes"].as_array().map(Vec::len) == Some(2)
            && channel(overview, "email")["consumers"] != json!(0)
            && channel(overview, "email")["state"] == "delivering"
    })
    .await;
    assert_eq!(channel(&quiet, "email")["provider"], "sandbox");
    assert_eq!(channel(&quiet, "sms")["state"], "no_worker");
    assert_eq!(quiet["deadLetters"], 0);
    let programs = quiet["processes"].as_array().expect("a list").iter();
    let stages: Vec<&Value> = programs.map(|process| &process["stages"]).collect();
    assert_eq!(
        stages,
        [&json!([]), &json!(["intake", "scheduler", "email"])]
    );
    let rungs = quiet["ladder"].as_array().expect("rungs");
    assert_eq!(rungs[0]["rung"], 1);
    assert_eq!((rungs[1]["delayMs"].as_u64(), rungs.len()), (Some(5000), 3));

    // A text message that nobody consumes, and one of a channel that is stopped.
    for channel in [Channel::Sms, Channel::Push] {
        let body = notification(world.user, channel);
        let _ = api.client().post(&body).await.accepted();
    }
    let stop = api.client().request(Method::POST, "/api/sending/stop");
    let body = json!({"channel": "push", "reason": "maintenance"});
    let stopped = api.client().send(stop.json(&body)).await;
    assert_eq!(stopped.status, 200, "{}", stopped.text);
    let sql = format!(
        "INSERT INTO notifications (id, message_id, user_id, type, status, payload, created_at, failure_reason, failed_at)
         SELECT gen_random_uuid(), gen_random_uuid(), '{user}', 'email', 'failed', '{{}}', now(), 'provider_rejected',
                now() - n * interval '23 hours'
         FROM generate_series(1, 2) AS n;
         INSERT INTO notifications (id, message_id, user_id, type, status, payload, created_at)
         VALUES ('00000000-0000-7000-8000-000000000000', gen_random_uuid(), '{user}', 'email', 'pending', '{{}}',
                 now() - interval '10 minutes');
         INSERT INTO webhook_endpoints (id, user_id, url, secret, enabled, disabled_reason)
         VALUES (gen_random_uuid(), '{user}', 'https://example.com', 'x', false, 'gone');
         INSERT INTO replay_jobs (id, kind, filter, figures, rate_per_second, state, total, created_by, created_at,
                                  lease_until, lease_token)
         VALUES (gen_random_uuid(), 'purge', '{{}}', '{{}}', 1, 'paused', 1, 'anna', now(), NULL, NULL);
         INSERT INTO stats_minute (minute, channel, measure, label, n, sum_ms, buckets)
         SELECT date_trunc('minute', now()) - interval '5 minutes', 'email', measure, '', n, 0, '{{}}'
         FROM (VALUES ('delivered', 90), ('failed', 10)) AS figure (measure, n);",
        user = world.user
    );
    execute(&world.database.pool, &sql).await.expect("rows");
    let expected = [
        "channel_stopped",
        "dead_letters",
        "due_backlog",
        "endpoints_disabled",
        "no_consumers",
    ];
    let expected: BTreeSet<String> = expected.map(str::to_owned).into();
    let found = until("everything is found", &|overview| {
        codes(overview) == expected
            && channel(overview, "push")["depth"] == 1
            && overview["successRatio"] == 0.9
    })
    .await;
    for (code, field, value) in [
        ("no_consumers", "channel", json!("sms")),
        ("no_consumers", "count", json!(1)),
        ("no_consumers", "severity", json!("error")),
        ("no_consumers", "link", json!("/system")),
        ("channel_stopped", "severity", json!("info")),
        ("dead_letters", "count", json!(1)),
        (
            "due_backlog",
            "link",
            json!("/notifications?status=pending"),
        ),
    ] {
        assert_eq!(problem(&found, code)[field], value, "{code}: {found}");
    }
    assert_eq!(found["problems"][0]["severity"], "error");
    assert_eq!(found["deadLetters"], 2);
    assert_eq!(found["deadLetters24h"], 1);
    assert!(found["waiting"].as_u64() >= Some(2), "{found}");
    assert!(
        found["oldestWaitingSeconds"].as_u64() >= Some(600),
        "{found}"
    );
    let stop = &channel(&found, "push")["stop"];
    assert_eq!(stop["reason"], "maintenance");
    let shown = world.tidings(&["--json", "overview"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    assert_eq!(codes(&shown), expected, "{shown}");
    assert_eq!(channel(&shown, "push")["depth"], 1);
    let text = String::from_utf8(world.tidings(&["overview"]).stdout).expect("UTF-8");
    assert!(text.starts_with("ERROR"), "{text}");

    // A worker that stops takes its row along.
    worker.stop().await;
    let without = until("the worker is gone", &|overview| {
        overview["processes"].as_array().map(Vec::len) == Some(1)
    })
    .await;
    assert_eq!(channel(&without, "email")["state"], "no_worker");
}

#[tokio::test]
async fn operators_read_overview_and_channels_with_their_scopes() {
    let (world, api) = World::shared().await;
    for (path, scope, status) in [
        ("/api/overview", "dashboard", 200),
        ("/api/overview", "admin", 200),
        ("/api/overview", "sending:control notifications:read", 403),
        ("/api/channels", "dashboard", 200),
        ("/api/channels", "sending:control", 200),
        ("/api/channels", "notifications:read", 403),
    ] {
        let client = api.client().with_token(tokens::scoped(world.user, scope));
        assert_eq!(client.get(path).await.status, status, "{path} {scope}");
    }
    for path in ["/api/overview", "/api/channels"] {
        assert_eq!(api.client().anonymous().get(path).await.status, 401);
    }
}
