//! Who may stop and start, what is shown, and the tool.

use serde_json::{Value, json};
use tidings_tests::{World, eventually_ok, secs, tokens};

use super::post;
use crate::doctor::{finding, report, severity};

#[tokio::test]
async fn stopping_and_starting_needs_the_scope() {
    let world = World::new().await;
    let api = world.api().await;
    let scopes = [
        ("", 403),
        (
            "notifications:send:any notifications:read templates:write",
            403,
        ),
        ("sending:control", 200),
        ("admin", 200),
    ];
    for (scope, expected) in scopes {
        let client = api.client().with_token(tokens::scoped(world.user, scope));
        for path in ["/api/sending/stop", "/api/sending/start"] {
            let mut body = json!({"channel": "push"});
            if path.ends_with("stop") {
                body["reason"] = "a test".into();
            }
            assert_eq!(post(&client, path, &body).await.status, expected, "{scope}");
        }
        for path in ["/messaging/stop", "/messaging/start"] {
            let status = post(&client, path, &json!({})).await.status;
            assert_eq!(status, expected, "{scope}");
        }
        let status = client.get("/api/sending").await.status;
        assert_eq!(status, expected, "{scope}");
    }
    // The scope allows nothing else.
    let control = tokens::scoped(world.user, "sending:control");
    let client = api.client().with_token(control);
    let refused = client.post(&world.in_app()).await;
    refused.assert_error(403, "forbidden");
    let refused = client.get("/messaging/sent").await;
    refused.assert_error(403, "forbidden");
}

#[tokio::test]
async fn a_stop_needs_a_channel_that_sends_and_a_reason() {
    let world = World::new().await;
    let api = world.api().await;
    let stop = async |body: Value| post(&api.client(), "/api/sending/stop", &body).await;
    let answer = stop(json!({"channel": "in-app", "reason": ""})).await;
    answer.assert_error(400, "invalid_fields");
    assert_eq!(answer.fields(), ["channel", "reason"]);
    let answer = stop(json!({"channel": "sms"})).await;
    answer.assert_error(400, "missing_fields");
    let answer = stop(json!({"reason": "a\nb", "until": "tomorrow"})).await;
    assert_eq!(answer.fields(), ["reason", "until"]);
    let start = post(&api.client(), "/api/sending/start", &json!({"channel": 7})).await;
    assert_eq!(start.fields(), ["channel"]);
    let status = api.client().get("/api/sending").await;
    assert_eq!(status.body["switches"], json!([]));
}

#[tokio::test]
async fn a_stop_is_shown_and_is_not_unhealthy() {
    let world = World::with(&[("CONTROL_POLL_MS", "200")]).await;
    let api = world.api().await;
    let client = api.client();
    let until_stopped = async |expected: Value| {
        eventually_ok(secs(20), "the API knows", async || {
            let health = client.anonymous().get("/health").await;
            let is_known = health.body["stopped"] == expected;
            is_known.then_some(health).ok_or("not yet")
        })
        .await
    };
    let body = json!({"channel": "sms", "reason": "the provider doubles messages"});
    let _ = post(&client, "/api/sending/stop", &body).await;
    let health = until_stopped(json!(["sms"])).await;
    assert_eq!(
        (health.status, &health.body["status"]),
        (200, &"healthy".into())
    );
    assert!(!health.text.contains("doubles"), "anyone may ask");
    let gauge = "tidings_sending_stopped";
    let metrics = api.metrics().await;
    assert_eq!(metrics.sum(gauge, &["channel=\"sms\""]), 1);
    assert_eq!(metrics.sum(gauge, &[]), 1);
    let status = client.get("/api/sending").await.body;
    let switch = &status["switches"][0];
    assert_eq!(switch["reason"], "the provider doubles messages");
    assert_eq!(switch["by"], tokens::SERVICE);
    let stopped = |status: &Value| {
        let channels = status["channels"].as_array().expect("channels").clone();
        let stopped = channels.into_iter().filter(|one| one["stopped"] == true);
        stopped
            .map(|one| one["channel"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(stopped(&status), ["sms"]);
    let report = report(&world, &[]);
    assert_eq!(severity(&report, "sending"), "info");
    assert_eq!(report["errors"], 0, "{report}");
    let message = finding(&report, "sending")["message"].as_str();
    assert!(message.is_some_and(|text| text.contains("sms by") && text.contains("doubles")));

    let _ = post(&client, "/api/sending/stop", &json!({"reason": "all"})).await;
    let _ = until_stopped(json!(["email", "sms", "push", "webhook"])).await;
    let _ = post(&client, "/api/sending/start", &json!({})).await;
    let _ = until_stopped(json!(["sms"])).await;
    let _ = post(&client, "/api/sending/start", &json!({"channel": "sms"})).await;
    let _ = until_stopped(Value::Null).await;
}

#[tokio::test]
async fn the_tool_stops_and_starts() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let run = |arguments: &[&str]| {
        let output = world.tidings(&[&["--json", "sending"], arguments].concat());
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
    };
    let stopped = run(&["stop", "--channel", "sms", "--reason", "maintenance"]);
    let expected = json!({"channel": "sms", "stopped": true, "inFlight": 0});
    assert_eq!(stopped, expected);
    let all = run(&["stop", "--reason", "all of them"]);
    assert_eq!(all["channel"], "*");
    let started = run(&["start", "--channel", "sms"]);
    assert_eq!(started["stopped"], true, "all channels are stopped");
    let text = world.tidings(&["sending", "status"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("all of them"), "{text}");
    let status = run(&["status"]);
    assert_eq!(status["switches"][0]["by"], "tidings");
    assert_eq!(status["channels"].as_array().map(Vec::len), Some(4));
    assert_eq!(run(&["start"])["stopped"], false);
    assert_eq!(severity(&report(&world, &[]), "sending"), "ok");
    for wrong in [
        &["stop"][..],
        &["stop", "--reason", ""],
        &["stop", "--channel", "in-app", "--reason", "x"],
    ] {
        let output = world.tidings(&[&["sending"], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
