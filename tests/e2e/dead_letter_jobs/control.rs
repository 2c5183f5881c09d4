//! Who may start and control jobs.

use serde_json::json;
use tidings_tests::{World, tokens};
use uuid::Uuid;

use super::post;

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
