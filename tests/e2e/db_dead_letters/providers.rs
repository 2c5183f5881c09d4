//! Who was asked last, and which endpoints were not reached.

use serde_json::{Value, json};
use tidings_db::Client;
use tidings_db::dead_letters::{
    DeadLetterFilter, MAX_COUNTED, capped_figures, figures, groups, list,
};
use tidings_db::notifications::{mark_failed, reset_all_for_replay};
use tidings_domain::notification::{MessageId, UserId};
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

struct Attempt {
    provider: &'static str,
    contact: Option<Uuid>,
    outcome: &'static str,
}

fn attempt(provider: &'static str, contact: Option<Uuid>, outcome: &'static str) -> Attempt {
    Attempt {
        provider,
        contact,
        outcome,
    }
}

/// Inserts a notification with its attempts, which then fails.
async fn fail(
    client: &Client,
    user: UserId,
    kind: &str,
    payload: &Value,
    attempts: &[Attempt],
    reason: &str,
) -> MessageId {
    let id = MessageId::generate();
    let sql =
        "INSERT INTO notifications (id, user_id, type, payload, status, message_id, created_at)
               VALUES ($1, $2, $3, $4, 'pending', $5, now())";
    client
        .execute(
            sql,
            &[
                &Uuid::now_v7(),
                &user.as_uuid(),
                &kind,
                &payload,
                &id.as_uuid(),
            ],
        )
        .await
        .expect("a row");
    for Attempt {
        provider,
        contact,
        outcome,
    } in attempts
    {
        let sql = "INSERT INTO delivery_attempts (message_id, attempt, provider, contact_id, started_at, outcome)
                   VALUES ($1, 0, $2, $3, clock_timestamp(), $4)";
        client
            .execute(sql, &[&id.as_uuid(), provider, contact, outcome])
            .await
            .expect("an attempt");
    }
    let marked = mark_failed(client, id, reason, "an error").await;
    assert!(marked.expect("the query"));
    id
}

async fn endpoint(client: &Client, user: UserId, url: &str, enabled: bool) -> Uuid {
    let id = Uuid::now_v7();
    let sql = "INSERT INTO webhook_endpoints (id, user_id, url, secret, enabled) VALUES ($1, $2, $3, 'none', $4)";
    client
        .execute(sql, &[&id, &user.as_uuid(), &url, &enabled])
        .await
        .expect("an endpoint");
    id
}

async fn ids(client: &Client, filter: &DeadLetterFilter) -> Vec<MessageId> {
    let (rows, _) = list(client, filter, None, 50).await.expect("a page");
    let counted = capped_figures(client, filter, MAX_COUNTED).await;
    let counted = counted.expect("figures");
    assert_eq!(
        counted.total,
        i64::try_from(rows.len()).expect("few"),
        "{filter:?}"
    );
    assert_eq!(counted, figures(client, filter).await.expect("figures"));
    rows.into_iter().map(|row| row.id.into()).collect()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of failures")]
async fn dead_letters_are_found_by_who_was_asked_and_by_the_endpoint_that_was_not_reached() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let client = &*client;
    let (user, other) = (db.user().await, db.user().await);
    let first = endpoint(client, user, "https://one.example/hooks?key=1", true).await;
    let second = endpoint(client, user, "https://two.example:8443/", true).await;
    let unused = endpoint(client, user, "https://three.example/", false).await;
    endpoint(client, other, "https://other.example/", true).await;
    let (text, all) = (json!({"text": "x"}), json!({"event": "e", "data": {}}));
    let to = json!({"event": "e", "data": {}, "to": "https://four.example/x"});
    let named = json!({"event": "e", "data": {}, "endpointId": second.to_string().to_uppercase()});

    let twilio = attempt("twilio", None, "failed");
    let not_sent = attempt("twilio", None, "not_sent");
    let asked = fail(client, user, "sms", &text, &[twilio], "provider_failed").await;
    let nobody = fail(client, user, "sms", &text, &[not_sent], "template_error").await;
    let by_url = [attempt("http", None, "rejected")];
    let by_url = fail(
        client,
        user,
        "webhook",
        &to,
        &by_url,
        "rejected_by_provider",
    )
    .await;
    // The second one has accepted it after a failure.
    let partly = [
        attempt("http", Some(second), "failed"),
        attempt("http", Some(first), "rejected"),
        attempt("http", Some(second), "delivered"),
    ];
    let partly = fail(
        client,
        user,
        "webhook",
        &all,
        &partly,
        "rejected_by_provider",
    )
    .await;
    // Both were away all the time, so nobody was asked.
    let away = fail(client, user, "webhook", &all, &[], "destination_away").await;
    let one_away = fail(client, user, "webhook", &named, &[], "destination_away").await;
    let sandbox = [attempt("sandbox", Some(second), "failed")];
    let sandbox = fail(client, user, "webhook", &named, &sandbox, "provider_failed").await;

    let by_provider = |name: &str| DeadLetterFilter {
        provider: Some(name.to_owned()),
        ..DeadLetterFilter::default()
    };
    let by_endpoint = |id| DeadLetterFilter {
        endpoint: Some(id),
        ..DeadLetterFilter::default()
    };
    let cases = [
        (by_provider("twilio"), vec![asked]),
        (by_provider("none"), vec![away, nobody]),
        (by_provider("four.example"), vec![by_url]),
        (by_provider("one.example"), vec![partly]),
        (by_provider("two.example"), vec![one_away]),
        (by_provider("sandbox"), vec![sandbox]),
        (by_endpoint(first), vec![away, partly]),
        (by_endpoint(second), vec![sandbox, one_away, away]),
        (by_endpoint(unused), vec![]),
        (
            DeadLetterFilter {
                reason: Some("provider_failed".to_owned()),
                ..by_endpoint(second)
            },
            vec![sandbox],
        ),
        (
            DeadLetterFilter {
                channel: Some("sms".to_owned()),
                ..by_provider("none")
            },
            vec![nobody],
        ),
    ];
    for (filter, expected) in &cases {
        assert_eq!(&ids(client, filter).await, expected, "{filter:?}");
    }
    let found = groups(client, &DeadLetterFilter::default(), MAX_COUNTED).await;
    let found = found.expect("groups").groups;
    let named: Vec<_> = found
        .iter()
        .map(|group| {
            (
                group.reason.as_str(),
                group.provider.as_deref(),
                group.count,
            )
        })
        .collect();
    let expected = [
        ("destination_away", Some("two.example"), 1),
        ("destination_away", None, 1),
        ("provider_failed", Some("twilio"), 1),
        ("provider_failed", Some("sandbox"), 1),
        ("rejected_by_provider", Some("four.example"), 1),
        ("rejected_by_provider", Some("one.example"), 1),
        ("template_error", None, 1),
    ];
    assert_eq!(named, expected);

    // Of those that failed since then, in the order of their failures.
    let (page, cursor) = list(client, &by_endpoint(second), None, 1)
        .await
        .expect("a page");
    let since = DeadLetterFilter {
        from: Some(page[0].failed_at),
        ..by_endpoint(second)
    };
    assert_eq!(ids(client, &since).await, [sandbox]);
    let (page, cursor) = list(client, &by_endpoint(second), cursor, 2)
        .await
        .expect("a page");
    let last: Vec<MessageId> = page.iter().map(|row| row.id.into()).collect();
    assert_eq!((last, cursor), (vec![one_away, away], None));

    let reset = reset_all_for_replay(client, &[away, sandbox]).await;
    assert_eq!(reset.expect("the query").len(), 2);
    assert_eq!(ids(client, &by_endpoint(second)).await, [one_away]);
    let again = mark_failed(client, away, "provider_failed", "an error").await;
    assert!(again.expect("the query"));
    assert_eq!(ids(client, &by_endpoint(second)).await, [away, one_away]);
}

/// Many hosts of webhooks that fail must not hide the other dead letters.
#[tokio::test]
async fn many_providers_hide_no_other_channel_and_no_other_provider() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (user, client) = (db.user().await, db.pool.dedicated_client().await);
    let client = client.expect("a connection");
    let sql = "INSERT INTO notifications (id, type, payload, status, message_id, created_at, failed_at, user_id,
                                          failure_reason, failed_provider)
               SELECT gen_random_uuid(), type, '{}', 'failed', gen_random_uuid(), now(), now(), $1, reason, provider
               FROM (SELECT 'webhook' AS type, 'destination_away' AS reason, 'host-' || n AS provider
                     FROM generate_series(1, 450) AS n
                     UNION ALL SELECT 'email', 'provider_failed', 'smtp' FROM generate_series(1, 3)) AS new";
    client
        .execute(sql, &[&user.as_uuid()])
        .await
        .expect("the rows");
    let counted = async |filter: DeadLetterFilter| {
        let found = capped_figures(&*client, &filter, MAX_COUNTED).await;
        let found = found.expect("the query");
        (found.total, found.is_capped)
    };
    let all = groups(&*client, &DeadLetterFilter::default(), MAX_COUNTED).await;
    let all = all.expect("the query");
    assert!(all.is_capped);
    assert_eq!(all.groups[0].provider.as_deref(), Some("smtp"));
    assert!(all.groups.len() > 50, "{}", all.groups.len());
    let named = |name: &str| Some(name.to_owned());
    let email = DeadLetterFilter {
        channel: named("email"),
        ..DeadLetterFilter::default()
    };
    assert_eq!(counted(email).await, (3, false));
    for provider in ["host-1", "host-450", "host-99"] {
        let one = DeadLetterFilter {
            provider: named(provider),
            ..DeadLetterFilter::default()
        };
        assert_eq!(counted(one).await, (1, false), "{provider}");
    }
    // What is left out is said, also if no group is left.
    let later = DeadLetterFilter {
        from: Some("2100-01-01T00:00:00Z".parse().expect("a time")),
        ..DeadLetterFilter::default()
    };
    assert_eq!(counted(later).await, (0, true));
}
