//! E-mail through mail servers that are slow, or that refuse this installation.

use serde_json::json;
use tidings_domain::notification::MessageId;
use tidings_tests::{Program, ScriptedSmtp, SmtpScript, World, eventually_ok, outcomes, secs};

use super::channel;

async fn world(server: &ScriptedSmtp, more: &[(&str, &str)]) -> World {
    let smtp = server.settings();
    let mut settings = vec![
        ("EMAIL_PROVIDER", "smtp"),
        ("WORKER_CHANNELS", "intake,email"),
    ];
    settings.extend(
        smtp.iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    settings.extend_from_slice(more);
    World::with(&settings).await
}

async fn post(world: &World, api: &Program) -> MessageId {
    let payload = json!({"to": "anna@example.org", "subject": "Hello", "text": "Hello!"});
    let body = json!({"targetUserId": world.user, "type": "email", "payload": payload});
    api.client().post(&body).await.accepted()
}

/// The claim is renewed: the server takes longer than the lease, and a second worker waits for the row.
#[tokio::test]
async fn a_mail_whose_server_takes_longer_than_the_lease_is_sent_once() {
    let server = ScriptedSmtp::start(SmtpScript::accepting().end_after(secs(12))).await;
    let settings = [("PROVIDER_TIMEOUT_SECS", "2"), ("DELIVERY_LEASE_SECS", "7")];
    let world = world(&server, &settings).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api).await;
    world.until_status(id, "processed").await;
    let attempts = api.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), [(0, "delivered")]);
    assert!(attempts[0]["durationMs"].as_u64() >= Some(12_000));
    assert_eq!(server.messages(), 1);
    let claimed = "lease_until IS NOT NULL OR retries_attempted > 0";
    assert_eq!(world.database.count(claimed).await, 0);
}

#[tokio::test]
async fn a_mail_without_an_answer_arrives_at_most_three_times() {
    let server = ScriptedSmtp::start(SmtpScript::accepting().reply("end", "")).await;
    let settings = [
        ("SMTP_DATA_TIMEOUT_SECS", "1"),
        ("BREAKER_FAILURES", "1"),
        ("BREAKER_PROBE_SECS", "1"),
        ("MAX_RETRIES", "9"),
        ("RETRY_BASE_DELAY_MS", "50"),
        ("RETRY_MULTIPLIER", "1"),
    ];
    let world = world(&server, &settings).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api).await;
    world.until_status(id, "failed").await;
    let amqp = world.amqp().await;
    let reason = eventually_ok(secs(30), "its dead letter", async || {
        let letter = amqp.dead_letters().await.pop();
        letter.map(|letter| letter.reason).ok_or("there is none")
    });
    assert_eq!(reason.await, "outcome_unknown");
    assert_eq!(server.messages(), 3);
}

#[tokio::test]
async fn a_refusal_of_this_host_stops_the_channel_and_dead_letters_nothing() {
    let refusal = "504 5.5.2 <vm>: Helo command rejected: need fully-qualified hostname\r\n";
    let server = ScriptedSmtp::start(SmtpScript::accepting().reply("RCPT", refusal)).await;
    let world = world(
        &server,
        &[("MAX_RETRIES", "0"), ("BREAKER_PROBE_SECS", "1")],
    )
    .await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api).await;
    let state = eventually_ok(secs(30), "the channel is stopped", async || {
        let state = channel(&worker, "email").await;
        if state["state"] == "away" {
            Ok(state)
        } else {
            Err(state)
        }
    })
    .await;
    assert_eq!(
        state["reason"],
        "the mail server refuses the name of this host (SMTP_HELO_NAME): 504 5.5.2"
    );
    let refused = async || {
        let metrics = worker.metrics().await;
        let outcome = &["credentials_refused"];
        let refused = metrics.sum("tidings_delivery_attempts_total", outcome);
        if refused >= 2 { Ok(()) } else { Err(refused) }
    };
    eventually_ok(secs(60), "a probe is refused, too", refused).await;
    assert_eq!(world.amqp().await.dead_letter_depth().await, 0);
    let row = format!("message_id = '{id}' AND status = 'pending'");
    assert_eq!(world.database.count(&row).await, 1);
    assert_eq!(server.messages(), 0);
}
