//! What has an id.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{Program, World, tokens};
use uuid::Uuid;

use crate::audit::execute;

/// A row of each kind that has an id.
struct Rows {
    message: Uuid,
    endpoint: Uuid,
    job: Uuid,
    letter: Uuid,
}

async fn insert(world: &World, api: &Program) -> Rows {
    let [row, message, endpoint, job, letter] = std::array::from_fn(|_| Uuid::now_v7());
    let user = world.user;
    let sql = format!(
        "INSERT INTO notifications (id, message_id, user_id, type, status, payload, created_at)
         VALUES ('{row}', '{message}', '{user}', 'sms', 'processed', '{{}}', now());
         INSERT INTO delivery_attempts (message_id, attempt, provider, started_at, outcome, provider_reference)
         VALUES ('{message}', 0, 'twilio', now(), 'delivered', 'SM-17');
         INSERT INTO webhook_endpoints (id, user_id, url, secret)
         VALUES ('{endpoint}', '{user}', 'https://hooks.example.com/a', 'x');
         INSERT INTO replay_jobs (id, kind, filter, figures, total, phase, state, rate_per_second, created_by)
         VALUES ('{job}', 'replay', '{{}}', '{{}}', 0, 'ended', 'done', 100, 'test');
         INSERT INTO dead_letters (id, message_id, stage, reason, failed_at, headers, body_bytes, sensitive)
         VALUES ('{letter}', 'order 17', 'intake', 'undecodable', now(), '{{}}', 3, false)"
    );
    execute(&world.database.pool, &sql).await.expect("rows");
    let put = json!({"subject": "Hello", "text": "Hello"});
    let writer = api.client();
    let request = writer.request(Method::PUT, "/api/templates/welcome/email/default");
    let template = writer.send(request.json(&put)).await;
    assert!(matches!(template.status, 200 | 201), "{}", template.text);
    Rows {
        message,
        endpoint,
        job,
        letter,
    }
}

#[tokio::test]
async fn an_id_leads_to_what_has_it_and_an_unknown_one_says_what_was_looked_for() {
    let world = World::new().await;
    let api = world.api().await;
    let Rows {
        message,
        endpoint,
        job,
        letter,
    } = insert(&world, &api).await;
    let user = world.user;
    let scoped = |scopes| {
        let token = tokens::scoped(user, scopes);
        api.client().with_token(token)
    };
    let client = scoped("dashboard users:read");
    let cases = [
        (
            message.to_string(),
            "notification",
            format!("/notifications/{message}"),
        ),
        (
            message.simple().to_string(),
            "notification",
            format!("/notifications/{message}"),
        ),
        (user.to_string(), "user", format!("/users/{user}")),
        (
            endpoint.to_string(),
            "endpoint",
            format!("/endpoints?id={endpoint}"),
        ),
        (job.to_string(), "job", format!("/jobs?id={job}")),
        (
            letter.to_string(),
            "deadLetter",
            format!("/dead-letters?id={letter}"),
        ),
        (
            "order%2017".to_owned(),
            "deadLetter",
            format!("/dead-letters?id={letter}"),
        ),
        (
            "welcome".to_owned(),
            "template",
            "/templates/welcome".to_owned(),
        ),
        (
            "%20SM-17%20".to_owned(),
            "providerReference",
            format!("/notifications/{message}"),
        ),
    ];
    for (id, kind, link) in cases {
        let answer = client.get(&format!("/api/lookup?id={id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let found = answer.body["found"].as_array().expect("an array");
        assert_eq!(found.len(), 1, "{id}: {}", answer.text);
        assert_eq!(
            (&found[0]["kind"], &found[0]["link"]),
            (&json!(kind), &json!(link)),
            "{id}"
        );
    }
    let unknown = client
        .get(&format!("/api/lookup?id={}", Uuid::now_v7()))
        .await;
    assert_eq!(unknown.body["found"], json!([]));
    let kinds = [
        "notification",
        "deadLetter",
        "user",
        "endpoint",
        "job",
        "template",
        "providerReference",
    ];
    assert_eq!(unknown.body["lookedFor"], json!(kinds));

    // Without the scope of users, no user is found.
    let answer = scoped("dashboard")
        .get(&format!("/api/lookup?id={user}"))
        .await;
    assert_eq!(answer.body["found"], json!([]), "{}", answer.text);
    assert!(
        !answer.body["lookedFor"].to_string().contains("user"),
        "{}",
        answer.text
    );
    assert_eq!(
        scoped("users:read").get("/api/lookup?id=x").await.status,
        403
    );
    client
        .get("/api/lookup")
        .await
        .assert_error(400, "invalid_query");

    let said = world.tidings(&["--json", "lookup", "SM-17"]);
    let said: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let expected = json!([{"kind": "providerReference", "id": message.to_string()}]);
    assert_eq!(said["found"], expected);
}
