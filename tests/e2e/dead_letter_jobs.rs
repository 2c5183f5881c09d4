//! Dead letters and jobs over HTTP, with workers that die.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_broker::MessageFactory;
use tidings_domain::notification::{DeliveredChannel, MessageId, Notification, UserId};
use tidings_tests::{Amqp, Answer, Client, World, eventually, eventually_ok, secs, tokens};
use uuid::Uuid;

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    client
        .send(client.request(Method::POST, path).json(body))
        .await
}

/// Inserts failed notifications whose copies in the queue are gone.
async fn insert_failed(world: &World, count: u32, kind: &str, payload: &Value, reason: &str) {
    let sql = "INSERT INTO notifications (id, type, payload, status, message_id, created_at, failure_reason, failed_at,
                                          error_message)
               SELECT gen_random_uuid(), $1, $2, 'failed', gen_random_uuid(), now() - interval '1 hour', $3::text,
                      now() - make_interval(secs => n), $3::text || ': told to'
               FROM generate_series(1, $4::integer) AS n";
    let count = i32::try_from(count).expect("few");
    let insert = world.database.pool.run(async |client| {
        Ok(client
            .execute(sql, &[&kind, &payload, &reason, &count])
            .await?)
    });
    insert.await.expect("the rows");
}

/// Publishes notifications for users who do not exist yet.
async fn publish_for_unknown_users(world: &World, amqp: &Amqp, count: usize) -> Vec<UserId> {
    let users: Vec<UserId> = (0..count).map(|_| Uuid::now_v7().into()).collect();
    let messages = users.iter().map(|user| Notification {
        message_id: MessageId::generate(),
        user_id: Some(*user),
        ..world.wire()
    });
    let messages: Vec<_> = messages.map(|one| amqp.intake_of(&one)).collect();
    amqp.publish_all(messages).await;
    users
}

/// Reads all pages.
async fn list(client: &Client, filter: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = client
            .get(&format!("/api/dead-letters?limit=100{filter}{cursor}"))
            .await;
        assert_eq!(page.status, 200, "{}", page.body);
        all.extend(page.body["deadLetters"].as_array().expect("a list").clone());
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

async fn total(client: &Client) -> usize {
    list(client, "").await.len()
}

async fn until_done(client: &Client, job: &str) -> Value {
    eventually_ok(secs(90), "the job is done", async || {
        let answer = client.get(&format!("/api/jobs/{job}")).await;
        match answer.body["state"].as_str() {
            Some("done") => Ok(answer.body),
            _ => Err(answer.body.to_string()),
        }
    })
    .await
}

async fn column(world: &World, sql: &str) -> Option<String> {
    let read = world
        .database
        .pool
        .run(async |client| Ok(client.query_one(sql, &[]).await?.get(0)));
    read.await.expect("the query")
}

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

/// RabbitMQ itself, or a worker without PostgreSQL, has put these into the queue only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_in_the_queue_is_found_there_and_purged_by_a_job() {
    let world = World::with(&[("WORKER_CHANNELS", "intake,scheduler")]).await;
    let amqp = world.declared(&[]).await;
    let letter = |message| tidings_tests::AmqpMessage {
        exchange: String::new(),
        routing_key: amqp.settings.names.dlq.clone(),
        ..message
    };
    amqp.publish(letter(amqp.intake_of(&world.wire()))).await;
    // The message of a delivery whose queue was missing. Its row waits.
    let insert = "INSERT INTO notifications (id, type, payload, status, message_id, created_at)
                  VALUES (gen_random_uuid(), 'sms', '{}', 'pending', gen_random_uuid(), now())
                  RETURNING message_id::text";
    let waiting = column(&world, insert).await.expect("an id");
    let waiting: MessageId = waiting.parse().expect("an id");
    let factory = MessageFactory::new(&amqp.settings);
    let sent = factory.delivery(DeliveredChannel::Sms, waiting, None);
    amqp.publish(letter(tidings_tests::AmqpMessage {
        exchange: String::new(),
        routing_key: String::new(),
        properties: sent.properties().clone(),
        body: sent.body().into(),
    }))
    .await;
    let (api, mut worker) = tokio::join!(world.api(), world.worker());
    let client = api
        .client()
        .with_token(tokens::scoped(world.user, "dead-letters:write"));
    eventually(secs(60), "the letter is listed", async || {
        total(&client).await == 2
    })
    .await;
    let listed = list(&client, "&reason=unrouted&channel=sms").await;
    assert_eq!(listed[0]["messageId"], waiting.to_string(), "{listed:?}");
    let body = json!({"filter": {"channel": "sms"}});
    let created = post(&client, "/api/dead-letters/replay", &body).await;
    let done = until_done(&client, created.body["id"].as_str().expect("an id")).await;
    assert_eq!(
        (&done["done"], &done["skipped"]),
        (&json!(1), &json!(0)),
        "{done}"
    );
    eventually(secs(20), "it is in the queue of its channel", async || {
        amqp.depth("notifications_queue.sms").await == 1
    })
    .await;

    let listed = list(&client, "&reason=unrouted").await;
    assert_eq!(listed.len(), 1);
    let id = listed[0]["id"].as_str().expect("an id");
    let found = client.get(&format!("/api/dead-letters/{id}")).await;
    assert_eq!((found.status, &found.body), (200, &listed[0]));
    let body = json!({"filter": {"ids": [id]}});
    let created = post(&client, "/api/dead-letters/purge", &body).await;
    let done = until_done(&client, created.body["id"].as_str().expect("an id")).await;
    assert_eq!((&done["total"], &done["done"]), (&json!(1), &json!(1)));
    let gone = client.get(&format!("/api/dead-letters/{id}")).await;
    gone.assert_error(404, "not_found");
    eventually(secs(20), "its copy is removed from the queue", async || {
        amqp.dead_letter_depth().await <= 1
    })
    .await;

    held_while_postgres_fails(&world, &amqp, &client, &worker).await;
    worker.stop().await;
}

/// A message without a row is not acknowledged before it is recorded. What the tool takes from the queue is listed no more.
async fn held_while_postgres_fails(
    world: &World,
    amqp: &Amqp,
    client: &Client,
    worker: &tidings_tests::Program,
) {
    let execute = async |sql: &str| {
        let run = world.database.pool.run(async |client| {
            client.batch_execute(sql).await?;
            Ok(())
        });
        run.await.expect("the query");
    };
    execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN RAISE EXCEPTION 'told to' USING ERRCODE = '53100'; END$$;
         CREATE TRIGGER fail BEFORE INSERT ON dead_letters FOR EACH ROW EXECUTE FUNCTION fail()",
    )
    .await;
    amqp.publish(amqp.to_intake("no notification")).await;
    let message = "cannot record that a message is a dead letter; trying again";
    eventually(secs(30), "the message is held", async || {
        !worker.logs().with_message(message).is_empty()
    })
    .await;
    assert_eq!(total(client).await, 0);
    execute("DROP TRIGGER fail ON dead_letters").await;
    eventually(secs(60), "it is recorded", async || {
        list(client, "&reason=undecodable").await.len() == 1
    })
    .await;
    let purged = world.tidings(&["dlq", "purge", "--reason", "undecodable", "--yes"]);
    assert_eq!(purged.status.code(), Some(0));
    assert_eq!(total(client).await, 0);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of requests")]
async fn bulk_actions_need_a_scope_and_a_filter_and_jobs_are_controlled() {
    let (world, api) = World::shared().await;
    let client = |scope: &str| api.client().with_token(tokens::scoped(world.user, scope));
    let (reader, writer, other) = (
        client("dashboard"),
        client("dead-letters:write"),
        client("notifications:read"),
    );
    let [replay, purge] = ["replay", "purge"].map(|what| format!("/api/dead-letters/{what}"));
    // Matches nothing, so that the job changes nothing.
    let body = json!({"filter": {"ids": [Uuid::now_v7()]}});
    let created = post(&writer, &replay, &body).await;
    assert_eq!(
        (created.status, &created.body["state"]),
        (202, &json!("pending"))
    );
    let job = created.header("location").to_owned();
    for path in [
        "/api/dead-letters?limit=1",
        "/api/dead-letters/groups",
        "/api/jobs",
        &job,
    ] {
        assert_eq!(reader.get(path).await.status, 200, "{path}");
        assert_eq!(writer.get(path).await.status, 200, "{path}");
        other.get(path).await.assert_error(403, "forbidden");
    }
    for path in [&replay, &purge] {
        post(&reader, path, &body)
            .await
            .assert_error(403, "forbidden");
        for (body, code, fields) in [
            (json!({}), "missing_fields", &["filter"][..]),
            (json!({"filter": {}}), "invalid_fields", &["filter"]),
            (
                json!({"filter": {"all": false}}),
                "invalid_fields",
                &["filter"],
            ),
            (
                json!({"filter": {"all": true, "reason": "x"}}),
                "invalid_fields",
                &["filter.all"],
            ),
            (
                json!({"filter": {"channel": "fax", "ids": []}}),
                "invalid_fields",
                &["filter.channel", "filter.ids"],
            ),
            (
                json!({"filter": {"all": true}, "ratePerSecond": 0}),
                "invalid_fields",
                &["ratePerSecond"],
            ),
            (
                json!({"filter": {"all": true}, "rate": 1}),
                "unknown_fields",
                &["rate"],
            ),
        ] {
            let refused = post(&writer, path, &body).await;
            refused.assert_error(400, code);
            assert_eq!(refused.fields(), fields, "{body}");
        }
    }
    for (path, fields) in [
        ("/api/dead-letters?reason=No!&to=x", &["reason", "to"][..]),
        ("/api/dead-letters?cursor=x&user=1", &["cursor", "user"]),
        ("/api/dead-letters/groups?limit=1", &["limit"]),
        ("/api/jobs?limit=0", &["limit"]),
        ("/api/jobs/x", &["id"]),
        ("/api/dead-letters/x", &["id"]),
    ] {
        let refused = writer.get(path).await;
        assert_eq!(
            (refused.status, refused.fields()),
            (400, fields.to_vec()),
            "{path}"
        );
    }
    let change = async |what: &str| post(&writer, &format!("{job}/{what}"), &json!({})).await;
    for (what, state) in [
        ("pause", "paused"),
        ("pause", "paused"),
        ("resume", "pending"),
        ("abort", "aborted"),
        ("abort", "aborted"),
    ] {
        let changed = change(what).await;
        assert_eq!(
            (changed.status, &changed.body["state"]),
            (200, &json!(state)),
            "{what}"
        );
    }
    change("pause").await.assert_error(409, "job_has_ended");
    let missing = format!("/api/jobs/{}/pause", Uuid::now_v7());
    post(&writer, &missing, &json!({}))
        .await
        .assert_error(404, "not_found");
    post(&reader, &format!("{job}/pause"), &json!({}))
        .await
        .assert_error(403, "forbidden");
}
