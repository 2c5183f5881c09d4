//! The states of the channels, and probes that operators ask for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{Answer, Client, MockHttpServer, Response, World, eventually_ok, secs, tokens};

use crate::delivery::{accepted_response, sms, world};

async fn probe(client: &Client, channel: &str) -> Answer {
    let path = format!("/api/channels/{channel}/probe");
    client.send(client.request(Method::POST, &path)).await
}

async fn state_of(client: &Client, name: &str) -> Value {
    let answer = client.get("/api/channels").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let channels = answer.body["channels"]
        .as_array()
        .expect("channels")
        .clone();
    let mut its = channels.into_iter().filter(|one| one["channel"] == name);
    its.next().expect("the channel")
}

#[tokio::test]
async fn a_probe_tries_a_provider_that_is_down_at_once() {
    let is_mended = Arc::new(AtomicBool::new(false));
    let twilio = MockHttpServer::start({
        let is_mended = Arc::clone(&is_mended);
        move |_| {
            if is_mended.load(Ordering::SeqCst) {
                accepted_response()
            } else {
                Response::status(401)
            }
        }
    })
    .await;
    // Nobody waits so long: only a probe delivers.
    let settings = [("BREAKER_PROBE_SECS", "3600"), ("CONTROL_POLL_MS", "200")];
    let world = world(&twilio, &settings).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let id = client.post(&sms(&world, "hello")).await.accepted();
    eventually_ok(secs(60), "the channel is away", async || {
        let state = state_of(&client, "sms").await;
        if state["state"] == "away" {
            assert_eq!(state["provider"], "twilio");
            assert_eq!(state["reason"], "the provider refuses the credentials");
            assert!(state["since"].is_string());
            Ok(())
        } else {
            Err(state.to_string())
        }
    })
    .await;
    let overview = client.get("/api/overview").await.body;
    let problems = overview["problems"].as_array().expect("problems");
    let refused = problems
        .iter()
        .find(|problem| problem["code"] == "credentials_refused");
    assert_eq!(refused.expect("a problem")["channel"], "sms");
    let doctor = world.tidings(&["doctor"]);
    let doctor = String::from_utf8(doctor.stdout).expect("UTF-8");
    assert!(doctor.contains("tidings channels probe sms"), "{doctor}");

    is_mended.store(true, Ordering::SeqCst);
    let requested = probe(&client, "sms").await;
    assert_eq!(requested.status, 202, "{}", requested.text);
    assert!(requested.body["requestedAt"].is_string());
    world.until_status(id, "processed").await;
    eventually_ok(secs(30), "the channel delivers", async || {
        let state = state_of(&client, "sms").await;
        match state["state"].as_str() {
            Some("delivering") => Ok(()),
            _ => Err(state.to_string()),
        }
    })
    .await;
    let listed = client.get("/api/audit?action=sending.probe").await.body;
    assert_eq!(
        listed["entries"][0]["target"],
        json!({"kind": "sending", "id": "sms"})
    );
}

#[tokio::test]
async fn a_probe_needs_its_scope_and_a_channel_that_sends() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    for (scope, channel, status) in [
        ("dashboard", "sms", 403),
        ("sending:control", "sms", 202),
        ("sending:control", "in-app", 404),
        ("sending:control", "fax", 404),
    ] {
        let client = client.with_token(tokens::scoped(world.user, scope));
        let answer = probe(&client, channel).await;
        assert_eq!(answer.status, status, "{scope} {channel}: {}", answer.text);
    }
    assert_eq!(probe(&client.anonymous(), "sms").await.status, 401);
    let shown = world.tidings(&["--json", "channels", "probe", "email"]);
    assert!(shown.status.success(), "{shown:?}");
    let stopped = world.tidings(&["sending", "stop", "--channel", "sms", "--reason", "a test"]);
    assert!(stopped.status.success(), "{stopped:?}");
    probe(&client, "sms")
        .await
        .assert_error(409, "channel_stopped");
    let refused = world.tidings(&["channels", "probe", "sms"]);
    assert_eq!(refused.status.code(), Some(1));
    let shown = world.tidings(&["--json", "channels", "list"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    let channels = shown["channels"].as_array().expect("channels");
    let sms = channels.iter().find(|one| one["channel"] == "sms");
    let sms = sms.expect("the channel");
    assert_eq!(
        (&sms["state"], &sms["reason"]),
        (&json!("stopped"), &json!("a test"))
    );
    assert_eq!(state_of(&client, "sms").await["stop"]["by"], "tidings");
}
