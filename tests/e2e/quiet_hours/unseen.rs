//! A change of a user while a worker that has not seen it is about to send.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;
use tempfile::NamedTempFile;
use tidings_db::notifications::{ClaimRequest, LeaseToken, claim};
use tidings_domain::notification::{DeliveredChannel, MessageId};
use tidings_tests::{World, secs};

use super::{daily, patch, path};

/// Runs `tidings users`. Returns whether it succeeds, and what it has written to standard error.
async fn users_tool(world: &Arc<World>, arguments: &[&str]) -> (bool, String) {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let world = Arc::clone(world);
    let run = move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        world.tidings(&[&["users"], &arguments[..]].concat())
    };
    let output = tokio::task::spawn_blocking(run).await.expect("no panic");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), errors)
}

#[tokio::test]
async fn a_change_waits_for_deliveries_that_have_not_seen_it() {
    let world = Arc::new(World::new().await);
    let api = world.api().await;
    let client = api.client();
    let pool = &world.database.pool;
    let mut connection = pool.dedicated_client().await.expect("a connection");
    let transaction = connection.transaction().await.expect("a transaction");
    let request = ClaimRequest {
        id: MessageId::generate(),
        attempt: 0,
        token: LeaseToken::generate(),
    };
    let claims = claim(&transaction, DeliveredChannel::Sms, &[request], secs(60)).await;
    assert_eq!(claims.expect("the query").len(), 1);

    let settings = path(world.user);
    let preferences = format!("/api/users/{}/preferences", world.user);
    let quiet = json!({"quiet": daily("06:00", "18:00")});
    let off = json!({"preferences": [{"category": "*", "channel": "sms", "enabled": false}]});
    let elsewhere = json!({"quiet": daily("06:00", "18:00"), "quietChannels": ["push"]});
    assert_eq!(patch(&client, &settings, &elsewhere).await.status, 200);
    let both = json!({"quietChannels": null});
    // Another user, who moves, by every request and command that takes a time zone.
    let other_user = world.database.user().await;
    let sql = format!(
        r#"INSERT INTO user_settings (user_id, quiet)
           VALUES ('{other_user}', '[{{"days": [1], "from": "22:00", "to": "07:00"}}]')"#
    );
    let set = pool.run(async |client| Ok(client.execute(&sql, &[]).await?));
    set.await.expect("the settings");
    let user = format!("/api/users/{other_user}");
    let (id, name) = (other_user.to_string(), format!("user-{other_user}"));
    let moved = json!({"timezone": "Asia/Tokyo"});
    let profile = json!({"username": &name, "timezone": "Asia/Tokyo"});
    let put = async || {
        let request = client.request(Method::PUT, &user).json(&profile);
        client.send(request).await
    };
    // Of a batch, those who are new need no wait.
    let mut known = profile.clone();
    known["id"] = json!(id);
    let body = json!({"users": [known, {"username": "new"}]});
    let batch = async || {
        let request = client.request(Method::POST, "/api/users/batch");
        client.send(request.json(&body)).await
    };
    let file = NamedTempFile::with_suffix(".csv").expect("a file");
    std::fs::write(file.path(), format!("id,username\n{id},{name}\n")).expect("written");
    let file = file.path().to_str().expect("UTF-8");
    let put_by_tool = ["put", &id, "--username", &name];
    let import = ["import", file];
    let (one, other, patched, replaced, stored, by_tool, imported) = tokio::join!(
        patch(&client, &settings, &both),
        patch(&client, &preferences, &off),
        patch(&client, &user, &moved),
        put(),
        batch(),
        users_tool(&world, &put_by_tool),
        users_tool(&world, &import),
    );
    assert_eq!(stored.status, 207, "{}", stored.text);
    let results = &stored.body["results"];
    assert_eq!(results[0]["retryable"], true, "{results}");
    assert_eq!(results[0]["error"]["code"], "change_not_complete");
    assert_eq!(results[1]["status"], "created", "{results}");
    for (succeeds, errors) in [by_tool, imported] {
        assert!(
            !succeeds && errors.contains("the users are stored"),
            "{errors}"
        );
    }
    for answer in [one, other, patched, replaced] {
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert_eq!(answer.body["code"], "change_not_complete");
    }
    // What holds nothing waits for nobody.
    let without_quiet_hours = format!("/api/users/{}", world.user);
    for (path, change) in [
        (&settings, json!({"locale": "de"})),
        (&user, json!({"username": name})),
        (&settings, json!({"quiet": []})),
        (&without_quiet_hours, moved.clone()),
    ] {
        let answer = patch(&client, path, &change).await;
        assert_eq!(answer.status, 200, "{change}: {}", answer.text);
    }
    transaction.commit().await.expect("committed");
    for (path, change) in [(&settings, &quiet), (&preferences, &off)] {
        let answer = patch(&client, path, change).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(patch(&client, &user, &moved).await.status, 200);
    assert_eq!(put().await.status, 200);
    for arguments in [&put_by_tool[..], &import] {
        let (succeeds, errors) = users_tool(&world, arguments).await;
        assert!(succeeds, "{errors}");
    }
}
