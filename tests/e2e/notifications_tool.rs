//! `tidings notifications send`, and lists that are longer than a page.

use serde_json::{Value, json};
use tidings_tests::{World, eventually_ok, secs};

fn send(world: &World, words: &[&str]) -> (Option<i32>, Value, String) {
    let output = world.tidings(&[&["--json", "notifications", "send"], words].concat());
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), json, errors)
}

#[tokio::test]
async fn a_notification_that_the_tool_sends_is_delivered() {
    // A scheduler publishes what the tool has recorded.
    let world = World::with(&[("WORKER_CHANNELS", "intake,scheduler,sms")]).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let user = world.user.to_string();
    let payload = r#"{"to": "+4915112345678", "text": "hello"}"#;
    let words = ["--channel", "sms", "--user", &user, "--payload", payload];
    let (code, sent, errors) = send(&world, &[&words[..], &["--group", "g-1"]].concat());
    assert_eq!(code, Some(0), "{errors}");
    let path = format!(
        "/api/notifications/{}",
        sent["messageId"].as_str().expect("an id")
    );
    let row = eventually_ok(secs(60), "it is sent", async || {
        let row = client.get(&path).await.body;
        (row["status"] == "processed")
            .then_some(row.clone())
            .ok_or_else(|| row.to_string())
    })
    .await;
    assert_eq!(
        (&row["targetUserId"], &row["type"]),
        (&json!(user), &json!("sms"))
    );
    let timeline = client.get(&format!("{path}/timeline")).await.body;
    let sender = timeline["sender"].as_str().unwrap_or_default();
    assert!(sender.starts_with("cli:"), "{timeline}");

    let later = ["--send-at", "2999-01-01T00:00:00Z"];
    let internal = r#"{"to": "http://127.0.0.1:1/", "event": "e", "data": {}}"#;
    let nobody = uuid::Uuid::now_v7().to_string();
    let email = ["--channel", "email", "--payload", r#"{"text": "a"}"#];
    for (words, reason) in [
        ([&words[..], &later].concat(), "sendAt"),
        (
            [&words[..], &["--category", "none-such"]].concat(),
            "there is no category none-such",
        ),
        (
            vec!["--channel", "sms", "--user", &nobody, "--payload", payload],
            "there is no user",
        ),
        (
            vec![
                "--channel",
                "webhook",
                "--user",
                &user,
                "--payload",
                internal,
            ],
            "payload.to",
        ),
        ([&email[..], &["--user", &user]].concat(), "subject"),
        (email.to_vec(), "targetUserId"),
        (
            vec!["--channel", "sms", "--user", &user, "--payload", "hello"],
            "--payload is not JSON",
        ),
    ] {
        let (code, _, errors) = send(&world, &words);
        assert_eq!(code, Some(1), "{words:?}");
        assert!(errors.contains(reason), "{words:?}: {errors}");
    }
}

#[tokio::test]
async fn a_list_of_the_tool_is_as_long_as_its_limit_allows_and_says_if_there_is_more() {
    let world = World::new().await;
    let insert = "INSERT INTO replay_jobs (id, kind, filter, figures, rate_per_second, total, total_is_capped, created_by)
                  SELECT gen_random_uuid(), 'replay', '{}', '{}', 1, 0, false, 'a test' FROM generate_series(1, 450)";
    let inserting = world
        .database
        .pool
        .run(async |client| Ok(client.execute(insert, &[]).await?));
    assert_eq!(inserting.await.expect("jobs"), 450);
    for (limit, listed, more) in [("20", 20, true), ("449", 449, true), ("450", 450, false)] {
        let output = world.tidings(&["--json", "jobs", "list", "--limit", limit]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let jobs = report["jobs"].as_array().expect("a list");
        let ids: std::collections::HashSet<_> = jobs.iter().map(|job| job["id"].as_str()).collect();
        assert_eq!(
            (ids.len(), &report["more"]),
            (listed, &json!(more)),
            "{limit}"
        );
        let output = world.tidings(&["jobs", "list", "--limit", limit]);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(
            text.contains("There are more: use --limit."),
            more,
            "{limit}"
        );
    }
}
