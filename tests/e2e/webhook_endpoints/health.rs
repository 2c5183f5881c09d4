//! How endpoints fare, over HTTP, and what has not reached them.

use serde_json::{Value, json};
use tidings_domain::notification::MessageId;
use tidings_tests::tokens;
use uuid::Uuid;

use super::{ALL, create, open, post};

#[tokio::test]
async fn endpoints_are_listed_by_state_and_operators_replay_what_has_not_reached_one() {
    let (world, api) = open().await;
    let client = api.client();
    let (path, endpoint) = create(&client, world.user).await;
    let id: Uuid = endpoint["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .expect("an id");
    let failed = MessageId::generate();
    let pool = &world.database.pool;
    let prepare = pool.run(async |client| {
        let sql = "INSERT INTO endpoint_hours VALUES ($1, date_trunc('hour', now()), 3, 1, '2027-01-31T12:00:00Z', NULL)";
        client.execute(sql, &[&id]).await?;
        let sql = "INSERT INTO notifications (id, user_id, type, payload, status, message_id, created_at, failure_reason,
                                              failed_at, failed_provider)
                   VALUES ($1, $2, 'webhook', '{}', 'failed', $1, now(), 'provider_failed', '2027-01-31T12:00:00Z',
                           'hooks.example.com')";
        client.execute(sql, &[&failed.as_uuid(), &world.user.as_uuid()]).await?;
        let sql = "INSERT INTO endpoint_failures VALUES ($1, '2027-01-31T12:00:00Z', $2)";
        Ok(client.execute(sql, &[&id, &failed.as_uuid()]).await?)
    });
    prepare.await.expect("the rows");
    let health = json!({"isAway": false, "lastSuccessAt": "2027-01-31T12:00:00Z", "lastFailureAt": null,
                        "succeeded": 3, "failed": 1, "failureRatio": 0.25});
    assert_eq!(client.get(&path).await.body["health"], health);
    let listed = format!("{ALL}?userId={}", world.user);
    for (state, count) in [
        ("", 1),
        ("&state=enabled", 1),
        ("&state=disabled", 0),
        ("&state=disabled_by_tidings", 0),
        ("&state=away", 0),
    ] {
        let page = client.get(&format!("{listed}{state}")).await;
        let found = page.body["webhookEndpoints"].as_array().expect("a list");
        assert_eq!(found.len(), count, "{state}");
        assert!(found.iter().all(|one| one["health"] == health), "{found:?}");
    }
    let wrong = client.get(&format!("{ALL}?state=open")).await;
    assert_eq!(
        (wrong.status, &wrong.body["details"][0]["field"]),
        (400, &json!("state"))
    );

    // Who only looks sees where it is, and not the rest of the URL.
    let viewer = client.with_token(tokens::scoped(world.user, "dashboard"));
    for answer in [
        viewer.get(&path).await.body,
        viewer.get(&listed).await.body["webhookEndpoints"][0].clone(),
    ] {
        assert_eq!(
            (&answer["url"], &answer["health"]),
            (&json!("https://example.com"), &health)
        );
    }
    assert_eq!(
        post(&viewer, &format!("{path}/ping"), &Value::Null)
            .await
            .status,
        403
    );

    let since = "2027-01-31T12:00:00Z";
    for (query, count) in [
        (format!("endpointId={id}"), 1),
        (format!("endpointId={id}&from={since}"), 1),
        (format!("endpointId={id}&to={since}"), 0),
        (format!("endpointId={id}&provider=Hooks.example.com"), 1),
        (format!("endpointId={id}&provider=none"), 0),
        (format!("endpointId={}", Uuid::now_v7()), 0),
    ] {
        let page = client.get(&format!("/api/dead-letters?{query}")).await;
        let found = page.body["deadLetters"].as_array().expect("a list");
        assert_eq!(found.len(), count, "{query}");
        let groups = client
            .get(&format!("/api/dead-letters/groups?{query}"))
            .await;
        let of_groups = groups.body["groups"].as_array().expect("a list");
        assert_eq!(of_groups.len(), count, "{query}: {}", groups.body);
        let names = found.iter().chain(of_groups).map(|one| &one["provider"]);
        assert!(names.eq(vec!["hooks.example.com"; count * 2]), "{query}");
    }
    let body = json!({"filter": {"endpointId": id, "from": since}, "dryRun": true});
    let dry_run = post(&client, "/api/dead-letters/replay", &body).await;
    assert_eq!(dry_run.status, 200, "{}", dry_run.text);
    assert_eq!(
        (&dry_run.body["total"], &dry_run.body["byProvider"]),
        (&json!(1), &json!({"hooks.example.com": 1}))
    );
    for (name, value) in [("endpointId", json!("x")), ("provider", json!("a b"))] {
        let body = json!({"filter": {name: value}, "dryRun": true});
        let refused = post(&client, "/api/dead-letters/replay", &body).await;
        let field = format!("filter.{name}");
        assert_eq!(
            (refused.status, &refused.body["details"][0]["field"]),
            (400, &json!(field))
        );
    }
}
