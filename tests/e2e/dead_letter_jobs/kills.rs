//! Jobs whose worker is killed, that are aborted, and those of the tool.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{World, eventually, eventually_ok, secs, tokens};

use super::{column, insert_failed, list, post, publish_for_unknown_users, total, until_done};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(
    clippy::too_many_lines,
    reason = "one story: all of it needs the same installation"
)]
async fn a_job_whose_worker_is_killed_replays_each_dead_letter_once() {
    let world = World::with(&[
        ("WORKER_CHANNELS", "intake,scheduler,sms,email"),
        ("MAX_RETRIES", "0"),
    ])
    .await;
    insert_failed(
        &world,
        120,
        "sms",
        &json!({"to": "+4915112345678", "text": "hello"}),
        "provider_failed",
    )
    .await;
    let email = json!({"to": "anna@example.com", "subject": "hello", "text": "hello"});
    insert_failed(&world, 80, "email", &email, "rejected").await;
    let (api, mut worker) = tokio::join!(world.api(), world.worker());
    let amqp = world.amqp().await;
    let users = publish_for_unknown_users(&world, &amqp, 40).await;
    amqp.publish(amqp.to_intake("{")).await;
    let client = api
        .client()
        .with_token(tokens::scoped(world.user, "dead-letters:write"));
    eventually(secs(30), "all are listed", async || {
        total(&client).await == 241
    })
    .await;
    let ids: BTreeSet<String> = list(&client, "")
        .await
        .iter()
        .map(|one| one["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 241, "each is listed once");
    assert_eq!(
        list(&client, "&reason=unknown_user&channel=intake")
            .await
            .len(),
        40
    );

    let groups = client.get("/api/dead-letters/groups").await;
    let groups = groups.body["groups"].as_array().expect("groups").clone();
    let counts: Vec<_> = groups
        .iter()
        .map(|one| (&one["reason"], &one["channel"], &one["count"]))
        .collect();
    let expected = [
        (&json!("provider_failed"), &json!("sms"), &json!(120)),
        (&json!("rejected"), &json!("email"), &json!(80)),
        (&json!("unknown_user"), &json!("intake"), &json!(40)),
        (&json!("undecodable"), &json!("intake"), &json!(1)),
    ];
    assert_eq!(counts, expected);
    assert_eq!(groups[0]["error"], "provider_failed: told to");

    for user in users {
        world.database.make_user(user).await;
    }
    let filter = json!({"all": true});
    let body = json!({"filter": filter, "dryRun": true});
    let rehearsed = post(&client, "/api/dead-letters/replay", &body).await;
    assert_eq!(
        (rehearsed.status, &rehearsed.body["total"]),
        (200, &json!(241))
    );
    assert_eq!(
        rehearsed.body["byChannel"],
        json!({"email": 80, "intake": 41, "sms": 120})
    );
    assert!(rehearsed.body["example"]["reason"].is_string());
    // So slow that the job cannot end before the kill.
    let body = json!({"filter": filter, "ratePerSecond": 1});
    let created = post(&client, "/api/dead-letters/replay", &body).await;
    assert_eq!((created.status, &created.body["total"]), (202, &json!(241)));
    let job = created.body["id"].as_str().expect("an id").to_owned();
    eventually(secs(30), "the job has begun", async || {
        client.get(&format!("/api/jobs/{job}")).await.body["done"] != 0
    })
    .await;
    // What it has taken is sent, and it takes no more until it is resumed.
    let change = async |job: &str, what: &str| {
        let path = format!("/api/jobs/{job}/{what}");
        let changed = post(&client, &path, &json!({})).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        changed.body
    };
    let paused = change(&job, "pause").await;
    assert_eq!(paused["state"], "paused");
    assert!(
        paused["done"].as_i64().is_some_and(|done| done < 240),
        "{paused}"
    );
    assert_eq!(change(&job, "resume").await["state"], "pending");
    eventually(secs(30), "the job runs again", async || {
        let job = client.get(&format!("/api/jobs/{job}")).await.body;
        job["state"] == "running" && job["done"] != paused["done"]
    })
    .await;
    worker.kill();
    let rate = client.request(Method::PATCH, &format!("/api/jobs/{job}"));
    let faster = client
        .send(rate.json(&json!({"ratePerSecond": 1000})))
        .await;
    assert_eq!(
        (faster.status, &faster.body["state"]),
        (200, &json!("running"))
    );
    // Two workers run it from here.
    let ((), mut beside) = tokio::join!(worker.start_again(), world.worker());

    let done = until_done(&client, &job).await;
    let figures = ["total", "done", "failed", "skipped"].map(|name| done[name].as_i64());
    assert_eq!(figures, [241, 240, 0, 1].map(Some), "{done}");
    assert_eq!(done["skippedReasons"], json!({"undecodable": 1}));
    eventually(secs(60), "everything is delivered", async || {
        world.database.count("status = 'processed'").await == 240
    })
    .await;
    assert_eq!(
        world
            .database
            .count("failure_reason IS NOT NULL OR failed_at IS NOT NULL")
            .await,
        0
    );
    let attempts = "SELECT count(*) || ' ' || count(DISTINCT message_id) FROM delivery_attempts
                    WHERE outcome = 'delivered'";
    assert_eq!(
        column(&world, attempts).await.as_deref(),
        Some("200 200"),
        "each was sent once"
    );
    assert_eq!(total(&client).await, 1);
    // What was replayed is gone from the queue, and the one that was skipped is still there.
    eventually(secs(20), "the copies are removed", async || {
        amqp.dead_letter_depth().await == 1
    })
    .await;

    // The tool uses such a job, too.
    insert_failed(
        &world,
        3,
        "sms",
        &json!({"to": "+4915112345678", "text": "hello"}),
        "rejected",
    )
    .await;
    let replayed = world.tidings(&["--json", "dlq", "replay", "--reason", "rejected"]);
    let replayed: Value = serde_json::from_slice(&replayed.stdout).expect("JSON");
    assert_eq!(
        (&replayed["state"], &replayed["done"]),
        (&json!("done"), &json!(3)),
        "{replayed}"
    );
    let listed = world.tidings(&["--json", "jobs", "list"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!(listed["jobs"][1]["id"], job);

    // A job that runs is aborted: what it has not taken is still listed.
    insert_failed(
        &world,
        300,
        "sms",
        &json!({"to": "+4915112345678", "text": "hello"}),
        "aborted_later",
    )
    .await;
    let body = json!({"filter": {"reason": "aborted_later"}, "ratePerSecond": 1});
    let created = post(&client, "/api/dead-letters/replay", &body).await;
    let job = created.body["id"].as_str().expect("an id").to_owned();
    eventually(secs(30), "the job has begun", async || {
        client.get(&format!("/api/jobs/{job}")).await.body["done"] != 0
    })
    .await;
    assert_eq!(change(&job, "abort").await["state"], "aborted");
    eventually_ok(secs(30), "each is done or listed", async || {
        let job = client.get(&format!("/api/jobs/{job}")).await.body;
        let done = job["done"].as_u64().unwrap_or_default();
        let left = list(&client, "&reason=aborted_later").await.len() as u64;
        (job["state"] == "aborted" && left > 0 && done + left == 300)
            .then_some(())
            .ok_or_else(|| format!("{left} are listed: {job}"))
    })
    .await;
    purge_with_the_tool(&world);
    worker.stop().await;
    beside.stop().await;
}

/// The tool lists, counts, shows and purges what PostgreSQL knows.
fn purge_with_the_tool(world: &World) {
    let tool = |arguments: &[&str]| {
        let output = world.tidings(&[&["--json", "dlq"], arguments].concat());
        let json = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
        (output.status.code(), json)
    };
    let of = ["--reason", "aborted_later"];
    let (code, listed) = tool(&[&["list", "--recorded"], &of[..]].concat());
    let listed = listed["deadLetters"].as_array().expect("a list").clone();
    assert_eq!(code, Some(0));
    let (_, groups) = tool(&[&["groups"], &of[..]].concat());
    let total = &groups["groups"][0]["count"];
    // A page has 100.
    assert!(
        total.as_u64() >= Some(100) && listed.len() == 100,
        "{groups}"
    );
    let id = listed[0]["id"].as_str().expect("an id");
    let (code, shown) = tool(&["show", "--recorded", id]);
    assert_eq!((code, &shown["deadLetters"][0]), (Some(0), &listed[0]));
    let (_, none) = tool(&["list", "--recorded", "--channel", "in-app"]);
    assert_eq!(none["deadLetters"], json!([]));
    let (_, early) = tool(&["list", "--recorded", "--to", "2020-01-01T00:00:00Z"]);
    assert_eq!(early["deadLetters"], json!([]));

    let purge = [&["purge", "--recorded", "--yes"], &of[..]].concat();
    let (_, rehearsed) = tool(&[&purge, &["--dry-run"][..]].concat());
    assert_eq!(&rehearsed["total"], total);
    let (code, purged) = tool(&purge);
    assert_eq!((code, &purged["done"]), (Some(0), total), "{purged}");
    let (_, none) = tool(&[&["list", "--recorded"], &of[..]].concat());
    assert_eq!(none["deadLetters"], json!([]));
}
