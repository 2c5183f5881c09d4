//! Webhooks are signed while keys are replaced, and wait while a key is missing.

use serde_json::{Value, json};
use tidings_domain::notification::MessageId;
use tidings_tests::secret_keys::new_key;
use tidings_tests::{
    MockHttpServer, Program, ProgramKind, Received, Response, World, eventually, eventually_ok,
    secs,
};

use super::{create, rotate, table_text};

async fn world(key: &str) -> World {
    let world = World::with(&[
        ("WEBHOOK_PROVIDER", "http"),
        ("WEBHOOK_ALLOW_NETS", "127.0.0.1/32"),
        ("WORKER_CHANNELS", "intake,webhook"),
        ("SECRETS_KEY", key),
    ])
    .await;
    // Webhooks that cannot be signed wait in this queue.
    world.amqp().await.shorten_wait_queue("30s", 500).await;
    world
}

async fn post(world: &World, api: &Program) -> MessageId {
    let payload = json!({"event": "order.shipped", "data": {"order": 4711}});
    let body = json!({"targetUserId": world.user, "type": "webhook", "payload": payload});
    api.client().post(&body).await.accepted()
}

fn verifies(request: &Received, secret: &str) -> bool {
    let webhook = standardwebhooks::Webhook::new(secret).expect("a secret");
    webhook.verify(&request.body, &request.headers).is_ok()
}

/// Sends a webhook, which each of these endpoints receives signed with its own secret.
async fn deliver(world: &World, api: &Program, endpoints: &[(&MockHttpServer, &str)]) {
    let before: Vec<usize> = endpoints.iter().map(|(server, _)| server.count()).collect();
    let posted = post(world, api).await;
    world.until_status(posted, "processed").await;
    for ((server, secret), before) in endpoints.iter().zip(before) {
        let requests = server.requests();
        assert_eq!(requests.len(), before + 1);
        assert!(verifies(&requests[before], secret));
    }
}

fn rotate_keys(world: &World, key: &str) -> Value {
    let output = world.tidings_with(&[("SECRETS_KEY", key)], &["--json", "secrets", "rotate"]);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test]
async fn webhooks_are_signed_before_during_and_after_the_replacement_of_a_key() {
    let one = MockHttpServer::start(|_| Response::status(200)).await;
    let two = MockHttpServer::start(|_| Response::status(200)).await;
    let (old, new) = (new_key("old"), new_key("new"));
    let world = world(&old).await;
    let (mut api, mut worker) = tokio::join!(world.api(), world.worker());
    let (path, first) = create(&api.client(), &world, &one.url("/")).await;
    deliver(&world, &api, &[(&one, &first)]).await;

    // Both keys: the new one encrypts.
    let both = format!("{new},{old}");
    tokio::join!(api.stop(), worker.stop());
    let settings = [("SECRETS_KEY", both.as_str())];
    let (mut api, mut worker) = tokio::join!(
        world.start(ProgramKind::Api, &settings),
        world.start(ProgramKind::Worker, &settings)
    );
    let (_, second) = create(&api.client(), &world, &two.url("/")).await;
    let newest = rotate(&api.client(), &path).await;
    let text = table_text(&world).await;
    assert!(text.contains(":new:") && text.contains(":old:"), "{text}");
    for first in [&first, &newest] {
        deliver(&world, &api, &[(&one, first), (&two, &second)]).await;
    }

    // The programs run while the secrets are encrypted under the new key.
    let rotated = rotate_keys(&world, &both);
    assert_eq!(rotated["encrypted"], 1, "the previous secret: {rotated}");
    assert_eq!(
        (&rotated["unchanged"], &rotated["endpoints"]),
        (&json!(2), &json!(2))
    );
    assert!(!table_text(&world).await.contains(":old:"));
    deliver(&world, &api, &[(&one, &newest), (&two, &second)]).await;

    // The old key is gone.
    tokio::join!(api.stop(), worker.stop());
    let settings = [("SECRETS_KEY", new.as_str())];
    let (api, _worker) = tokio::join!(
        world.start(ProgramKind::Api, &settings),
        world.start(ProgramKind::Worker, &settings)
    );
    for first in [&first, &newest] {
        deliver(&world, &api, &[(&one, first), (&two, &second)]).await;
    }
}

#[tokio::test]
async fn a_webhook_waits_unsent_while_its_secret_cannot_be_decrypted() {
    let one = MockHttpServer::start(|_| Response::status(200)).await;
    let two = MockHttpServer::start(|_| Response::status(200)).await;
    let (known, missing) = (new_key("known"), new_key("missing"));
    let world = world(&missing).await;
    let mut api = world.api().await;
    let (_, first) = create(&api.client(), &world, &one.url("/")).await;
    api.stop().await;
    let settings = [("SECRETS_KEY", known.as_str())];
    let (api, mut worker) = tokio::join!(
        world.start(ProgramKind::Api, &settings),
        world.start(ProgramKind::Worker, &settings)
    );
    let (_, second) = create(&api.client(), &world, &two.url("/")).await;
    let posted = post(&world, &api).await;
    two.until_received(secs(60), 1).await;
    assert!(
        verifies(&two.requests()[0], &second),
        "others are not affected"
    );
    let row = format!("message_id = '{posted}' AND error_message LIKE '%cannot be decrypted%'");
    eventually(secs(30), "the row says why it waits", async || {
        world.database.count(&row).await == 1
    })
    .await;
    let line = eventually_ok(secs(30), "the log names the key", async || {
        let entries = worker.logs().entries();
        let mut of_error = entries
            .into_iter()
            .filter(|entry| entry["level"] == "error");
        of_error.next().ok_or("there is no error")
    })
    .await;
    let error = line["error"].as_str().expect("a cause");
    assert!(error.contains("the key missing"), "{line}");
    assert!(line["endpointId"].is_string(), "{line}");
    let says = line["message"].as_str().expect("a message");
    assert!(
        says.contains("cannot be decrypted: its webhooks wait"),
        "{line}"
    );
    // The message has returned from its wait and waits again.
    let labels = ["channel=\"webhook\"", "step=\"claim\""];
    eventually(secs(30), "the row was claimed several times", async || {
        let metrics = worker.metrics().await;
        metrics.sum("tidings_delivery_transactions_total", &labels) >= 4
    })
    .await;
    let delivered = "status <> 'pending' OR retries_attempted > 0 OR deferred_since IS NOT NULL";
    assert_eq!(world.database.count(delivered).await, 0);
    assert_eq!((one.count(), two.count()), (0, 1));
    assert_eq!(world.amqp().await.dead_letter_depth().await, 0);

    worker.stop().await;
    let both = format!("{known} {missing}");
    let settings = [("SECRETS_KEY", both.as_str())];
    let _worker = world.start(ProgramKind::Worker, &settings).await;
    world.until_status(posted, "processed").await;
    assert_eq!((one.count(), two.count()), (1, 1));
    assert!(verifies(&one.requests()[0], &first));
}

/// An API of the version before, or one without the setting, stores readable secrets.
#[tokio::test]
async fn a_secret_that_was_stored_readable_signs_and_is_encrypted_by_the_command() {
    let one = MockHttpServer::start(|_| Response::status(200)).await;
    let key = new_key("1");
    let world = world(&key).await;
    let (api, _worker) = tokio::join!(
        world.start(ProgramKind::Api, &[("SECRETS_KEY", "")]),
        world.worker()
    );
    let (path, first) = create(&api.client(), &world, &one.url("/")).await;
    let second = rotate(&api.client(), &path).await;
    let text = table_text(&world).await;
    assert!(text.contains(&first) && text.contains(&second), "{text}");
    deliver(&world, &api, &[(&one, &second)]).await;
    let rotated = rotate_keys(&world, &key);
    assert_eq!(rotated["before"]["readable"], 2, "{rotated}");
    assert!(!table_text(&world).await.contains("whsec_"));
    for secret in [&first, &second] {
        deliver(&world, &api, &[(&one, secret)]).await;
    }
}
