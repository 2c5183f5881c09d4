//! The deletion of users by each door: the API, an event and the tool, which also cancels and hastens it.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_broker::raw::BasicProperties;
use tidings_domain::notification::UserId;
use tidings_tests::{AmqpMessage, World, eventually, secs};

/// Runs `tidings users`. Returns its exit code and its JSON.
fn tool(world: &World, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = world.tidings(&[&["--json", "users"], arguments].concat());
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), json)
}

/// Creates a user with an address.
async fn user(world: &World) -> UserId {
    let user = world.database.user().await;
    let sql = format!("UPDATE users SET email = '{user}@example.com' WHERE id = '{user}'");
    let run = world
        .database
        .pool
        .run(async |client| Ok(client.batch_execute(&sql).await?));
    run.await.expect("an address");
    user
}

/// The actions on a user in the audit log, with who did them, in their order.
async fn entries(world: &World, user: UserId) -> String {
    let sql = "SELECT coalesce(string_agg(action || ' ' || actor_kind, ', ' ORDER BY id), '') FROM audit_log WHERE target_id = $1";
    let run = world
        .database
        .pool
        .run(async |client| Ok(client.query_one(sql, &[&user.to_string()]).await?));
    run.await.expect("the entries").get(0)
}

/// The limit is one erasure a day. The tool exceeds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_door_sends_the_recovery_mail_and_the_tool_recovers_and_erases() {
    let world = World::with(&[
        ("WORKER_CHANNELS", "events,intake,scheduler,email"),
        ("PUBLIC_URL", "https://notify.example.com"),
        ("DELETIONS_PER_DAY", "1"),
        ("SCHEDULER_POLL_MS", "50"),
    ])
    .await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let [by_api, by_event, by_tool] = [user(&world).await, user(&world).await, user(&world).await];
    let path = format!("/api/users/{by_api}");
    let deleted = client.send(client.request(Method::DELETE, &path)).await;
    assert_eq!(deleted.status, 202, "{}", deleted.text);
    let amqp = world.amqp().await;
    amqp.publish(AmqpMessage {
        exchange: amqp.settings.names.events_exchange(),
        routing_key: "user.delete".to_owned(),
        properties: BasicProperties::default().with_delivery_mode(2),
        body: json!({"user_id": by_event}).to_string().into_bytes(),
    })
    .await;
    let (code, shown) = tool(&world, &["delete", &by_tool.to_string()]);
    assert_eq!((code, &shown["status"]), (Some(0), &json!("waiting")));
    let (code, again) = tool(&world, &["delete", &by_tool.to_string()]);
    assert_eq!((code, &again["id"]), (Some(0), &shown["id"]));

    // The e-mails go out, and their links are gone afterwards. Nothing else goes out.
    for user in [by_api, by_event, by_tool] {
        let sent = format!(
            "user_id = '{user}' AND template_name = 'account-deletion' AND status = 'processed' AND payload_removed_at IS NOT NULL"
        );
        eventually(secs(30), "the recovery e-mail", async || {
            world.database.count(&sent).await == 1
        })
        .await;
    }
    let other =
        json!({"targetUserId": by_api, "type": "email", "payload": {"subject": "s", "text": "t"}});
    let id = client.post(&other).await.accepted();
    world.until_status(id, "suppressed").await;

    let (code, kept) = tool(&world, &["recover", &by_tool.to_string()]);
    assert_eq!((code, &kept["status"]), (Some(0), &json!("cancelled")));
    let (kept, erased) = (by_tool.to_string(), by_api.to_string());
    for (arguments, code) in [
        (&["recover", &kept][..], 1),
        (&["erase", &kept, "--now"], 1),
        // It must be confirmed.
        (&["erase", &erased], 2),
    ] {
        assert_eq!(tool(&world, arguments).0, Some(code), "{arguments:?}");
    }
    for user in [by_api, by_event] {
        let (code, begun) = tool(&world, &["erase", &user.to_string(), "--now"]);
        assert_eq!((code, &begun["status"]), (Some(0), &json!("erasing")));
    }
    for user in [by_api, by_event] {
        eventually(secs(30), "the user is erased", async || {
            entries(&world, user).await.ends_with("user.erase system")
        })
        .await;
    }
    let erased = [
        (
            by_api,
            "user.delete service, user.erase_now cli, user.erase system",
        ),
        (
            by_event,
            "user.delete system, user.erase_now cli, user.erase system",
        ),
        (by_tool, "user.delete cli, user.delete_cancel cli"),
    ];
    for (user, expected) in erased {
        assert_eq!(entries(&world, user).await, expected);
    }
}

/// `DELETION_MODE=soft`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_deletes_softly_keeps_the_data() {
    let world = World::with(&[
        ("WORKER_CHANNELS", "scheduler"),
        ("DELETION_GRACE_HOURS", "0"),
        ("DELETION_MODE", "soft"),
        ("SCHEDULER_POLL_MS", "50"),
    ])
    .await;
    let user = user(&world).await;
    let (code, _) = tool(&world, &["delete", &user.to_string(), "--reason", "asked"]);
    assert_eq!(code, Some(0));
    let _worker = world.worker().await;
    let kept = format!(
        "SELECT FROM users WHERE id = '{user}' AND is_deleted AND erased_at IS NULL AND email IS NOT NULL"
    );
    eventually(secs(30), "the user is deleted softly", async || {
        let run = world
            .database
            .pool
            .run(async |client| Ok(client.query_opt(&kept, &[]).await?));
        run.await.expect("the query").is_some()
    })
    .await;
    assert_eq!(
        entries(&world, user).await,
        "user.delete cli, user.erase system"
    );
    assert_eq!(
        tool(&world, &["recover", &user.to_string()]).0,
        Some(1),
        "it is done"
    );
}
