//! The queries of `tidings_db::webhook_endpoints`.

use secrecy::{ExposeSecret, SecretString};
use tidings_db::webhook_endpoints::{
    self, EndpointChanges, EndpointFilter, EndpointHealth, EndpointState, MAX_PER_USER,
    NewEndpoint, SigningEndpoint, WebhookEndpointRow,
};
use tidings_db::{DbError, EndpointSecret, LimitedInsert, TransactionOptions};
use tidings_domain::content::WebhookUrl;
use tidings_domain::notification::UserId;
use tidings_tests::secret_keys::{KEY, keys};
use tidings_tests::{ServerUrls, TestDatabase, secs};
use uuid::Uuid;

fn url(path: &str) -> WebhookUrl {
    let url = format!("https://example.com/{path}");
    url.parse().expect("a URL")
}

/// Returns the form in which the secret of an endpoint is stored.
fn sealed(endpoint: Uuid, secret: &str) -> EndpointSecret {
    let sealed = keys(KEY).seal(endpoint, &SecretString::from(secret));
    sealed.expect("sealed")
}

async fn insert(
    db: &TestDatabase,
    user: UserId,
    path: &str,
) -> Result<LimitedInsert<WebhookEndpointRow>, DbError> {
    let secret = sealed(Uuid::now_v7(), &format!("whsec_{path}"));
    let url = url(path);
    let new = NewEndpoint {
        user,
        url: &url,
        description: Some("Orders"),
        secret: &secret,
    };
    db.pool
        .transaction(TransactionOptions::default(), async |transaction| {
            webhook_endpoints::insert(transaction, new).await
        })
        .await
}

async fn new(db: &TestDatabase, user: UserId, path: &str) -> WebhookEndpointRow {
    match insert(db, user, path).await.expect("no error") {
        LimitedInsert::Inserted(row) => row,
        other => panic!("{other:?}"),
    }
}

async fn for_delivery(db: &TestDatabase, row: &WebhookEndpointRow) -> SigningEndpoint {
    let enabled = enabled_endpoints(db, row.user_id).await;
    let found = enabled.into_iter().find(|endpoint| endpoint.id == row.id);
    found.expect("an endpoint")
}

async fn enabled_endpoints(db: &TestDatabase, user: UserId) -> Vec<SigningEndpoint> {
    let client = db.pool.dedicated_client().await.expect("a connection");
    let enabled = webhook_endpoints::list_enabled(&*client, &[user], &keys(KEY)).await;
    enabled
        .expect("the query")
        .remove(&user)
        .unwrap_or_default()
}

fn secrets(endpoint: &SigningEndpoint) -> Vec<&str> {
    let secrets = endpoint.secrets.as_ref().expect("decrypted");
    secrets.iter().map(ExposeSecret::expose_secret).collect()
}

async fn enabled_of(db: &TestDatabase, user: UserId) -> Vec<Uuid> {
    let enabled = enabled_endpoints(db, user).await;
    enabled.iter().map(|endpoint| endpoint.id).collect()
}

#[tokio::test]
async fn a_new_endpoint_is_enabled_and_found_only_for_its_owner() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (anna, ben) = (db.user().await, db.user().await);
    let made = new(&db, anna, "a").await;
    assert_eq!(made.url, "https://example.com/a");
    assert_eq!(made.description.as_deref(), Some("Orders"));
    assert!(made.enabled && made.disabled_reason.is_none() && made.user_id == anna);
    let client = db.pool.dedicated_client().await.expect("a connection");
    for (owner, expected) in [
        (None, Some(&made)),
        (Some(anna), Some(&made)),
        (Some(ben), None),
    ] {
        let found = webhook_endpoints::find(&*client, made.id, owner).await;
        assert_eq!(found.expect("the query").as_ref(), expected);
    }
    assert!(enabled_of(&db, ben).await.is_empty());
    assert_eq!(secrets(&for_delivery(&db, &made).await), ["whsec_a"]);
}

#[tokio::test]
async fn secrets_are_redacted_in_debug_output() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let made = new(&db, db.user().await, "secret").await;
    let shown = format!("{:?} {made:?}", for_delivery(&db, &made).await);
    assert!(!shown.contains("whsec_"), "{shown}");
}

#[tokio::test]
async fn concurrent_inserts_do_not_exceed_the_limit_of_endpoints() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let most = usize::try_from(MAX_PER_USER).expect("a small number");
    // One URL: a user may have several endpoints with it.
    let made = futures_util::future::join_all((0..most * 2).map(|_| insert(&db, user, "a"))).await;
    let refused = |added: &&Result<LimitedInsert<WebhookEndpointRow>, DbError>| {
        matches!(added, Ok(LimitedInsert::LimitReached))
    };
    assert_eq!(made.iter().filter(refused).count(), most, "{made:?}");
    assert_eq!(enabled_of(&db, user).await.len(), most);
    let nobody = UserId::from(Uuid::now_v7());
    assert_eq!(
        insert(&db, nobody, "a").await.expect("no error"),
        LimitedInsert::UnknownUser
    );
}

#[tokio::test]
async fn pages_are_newest_first_without_gaps_or_repetitions() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let users = [db.user().await, db.user().await];
    let mut made = Vec::new();
    for n in 0..14 {
        made.push(new(&db, users[n % 2], &n.to_string()).await);
    }
    made.reverse();
    let client = db.pool.dedicated_client().await.expect("a connection");
    for user in [None, Some(users[0])] {
        let expected: Vec<&WebhookEndpointRow> = made
            .iter()
            .filter(|row| user.is_none_or(|user| row.user_id == user))
            .collect();
        for limit in [1, 3, 7, 14, 200] {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let page = webhook_endpoints::list(
                    &*client,
                    EndpointFilter { user, state: None },
                    after,
                    limit,
                )
                .await;
                let (rows, next) = page.expect("a page");
                all.extend(rows);
                after = next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(all.iter().collect::<Vec<_>>(), expected, "limit {limit}");
        }
    }
}

#[tokio::test]
async fn an_update_changes_only_the_given_fields_and_only_for_the_owner() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (anna, ben) = (db.user().await, db.user().await);
    let made = new(&db, anna, "a").await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let update = async |owner, changes: EndpointChanges| {
        let updated = webhook_endpoints::update(&*client, made.id, owner, &changes).await;
        updated.expect("the query")
    };
    let disabled = EndpointChanges {
        enabled: Some(false),
        ..EndpointChanges::default()
    };
    assert_eq!(update(Some(ben), disabled.clone()).await, None);
    let now = update(Some(anna), disabled).await.expect("updated");
    assert_eq!(
        (now.enabled, &now.url, &now.description),
        (false, &made.url, &made.description)
    );
    assert!(now.updated_at > made.updated_at && now.created_at == made.created_at);
    let moved = EndpointChanges {
        url: Some(url("b")),
        description: Some(String::new()),
        ..EndpointChanges::default()
    };
    let now = update(None, moved).await.expect("updated");
    assert_eq!(
        (now.enabled, now.url.as_str(), now.description),
        (false, url("b").as_url().as_str(), None)
    );
}

#[tokio::test]
async fn a_disabled_endpoint_has_a_reason_and_gets_nothing_until_it_is_enabled() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let (kept, gone) = (new(&db, user, "a").await, new(&db, user, "b").await);
    assert_eq!(enabled_of(&db, user).await, [gone.id, kept.id]);
    let client = db.pool.dedicated_client().await.expect("a connection");
    let disable = async |reason: &str| {
        let url = gone.url.parse().expect("a URL");
        let disabled = webhook_endpoints::disable(&*client, gone.id, &url, reason).await;
        disabled.expect("the query")
    };
    let elsewhere = kept.url.parse().expect("a URL");
    let disabled = webhook_endpoints::disable(&*client, gone.id, &elsewhere, "410").await;
    assert!(!disabled.expect("the query"), "it is at another URL by now");
    assert!(disable("it answered 410 Gone").await);
    assert!(!disable("again").await, "it is disabled already");
    assert_eq!(enabled_of(&db, user).await, [kept.id]);
    let find = async || {
        let found = webhook_endpoints::find(&*client, gone.id, None).await;
        found.expect("the query").expect("an endpoint")
    };
    assert_eq!(
        find().await.disabled_reason.as_deref(),
        Some("it answered 410 Gone")
    );
    let enable = EndpointChanges {
        enabled: Some(true),
        ..EndpointChanges::default()
    };
    let updated = webhook_endpoints::update(&*client, gone.id, None, &enable).await;
    let updated = updated.expect("the query").expect("an endpoint");
    assert!(updated.enabled && updated.disabled_reason.is_none());
    assert!(disable(&"x".repeat(1000)).await);
    assert_eq!(
        find().await.disabled_reason.map(|reason| reason.len()),
        Some(500)
    );
}

#[tokio::test]
async fn the_previous_secret_signs_until_it_expires() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (anna, ben) = (db.user().await, db.user().await);
    let made = new(&db, anna, "1").await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let rotate = async |owner, secret: &str, keep| {
        let secret = sealed(made.id, secret);
        let rotated = webhook_endpoints::rotate_secret(&*client, &secret, owner, keep).await;
        rotated.expect("the query")
    };
    assert_eq!(rotate(Some(ben), "whsec_bens", secs(60)).await, None);
    let before = jiff::Timestamp::now();
    let until = rotate(Some(anna), "whsec_2", secs(86_400))
        .await
        .expect("rotated");
    let hours = until.duration_since(before).as_hours();
    assert!((23..=24).contains(&hours), "{until}");
    assert_eq!(
        secrets(&for_delivery(&db, &made).await),
        ["whsec_2", "whsec_1"]
    );
    let enabled = enabled_endpoints(&db, anna).await;
    assert_eq!(secrets(&enabled[0]), ["whsec_2", "whsec_1"]);

    rotate(None, "whsec_3", secs(60)).await.expect("rotated");
    assert_eq!(
        secrets(&for_delivery(&db, &made).await),
        ["whsec_3", "whsec_2"]
    );
    rotate(None, "whsec_4", secs(0)).await.expect("rotated");
    assert_eq!(secrets(&for_delivery(&db, &made).await), ["whsec_4"]);
}

#[tokio::test]
async fn an_endpoint_is_deleted_only_by_its_owner_and_with_that_user() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (anna, ben) = (db.user().await, db.user().await);
    let made = new(&db, anna, "a").await;
    new(&db, anna, "b").await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let delete = async |owner| {
        let deleted = webhook_endpoints::delete(&*client, made.id, owner).await;
        deleted.expect("no error")
    };
    assert!(!delete(Some(ben)).await);
    assert!(delete(Some(anna)).await);
    assert!(!delete(None).await);
    client
        .execute("DELETE FROM users WHERE id = $1", &[&anna.as_uuid()])
        .await
        .expect("deleted");
    assert!(enabled_of(&db, anna).await.is_empty());
}

/// Begins and ends attempts at an endpoint with these outcomes, and counts them.
async fn attempts(client: &tidings_db::Client, user: UserId, endpoint: Uuid, outcomes: &[&str]) {
    let message = Uuid::now_v7();
    let sql =
        "INSERT INTO notifications (id, user_id, type, payload, status, message_id, created_at)
               VALUES ($1, $2, 'webhook', '{}', 'pending', $1, now())";
    client
        .execute(sql, &[&message, &user.as_uuid()])
        .await
        .expect("a row");
    let sql = "INSERT INTO delivery_attempts (message_id, attempt, provider, contact_id, started_at, outcome)
               SELECT $1, 0, 'http', $2, now(), outcome FROM unnest($3::text[]) AS outcome RETURNING id";
    let rows = client.query(sql, &[&message, &endpoint, &outcomes]).await;
    let ids: Vec<i64> = rows
        .expect("attempts")
        .iter()
        .map(|row| row.get(0))
        .collect();
    let counted = webhook_endpoints::count_attempts(client, &ids).await;
    counted.expect("the query");
}

#[tokio::test]
async fn the_health_of_an_endpoint_is_that_of_its_attempts_and_of_its_host() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (user, client) = (db.user().await, db.pool.dedicated_client().await);
    let client = client.expect("a connection");
    let (endpoint, other) = (new(&db, user, "a").await, new(&db, user, "b").await);
    let health = async |row: &WebhookEndpointRow| -> EndpointHealth {
        let all = webhook_endpoints::health(&*client, std::slice::from_ref(row)).await;
        all.expect("the query").remove(&row.id).expect("its health")
    };
    assert_eq!(health(&other).await, EndpointHealth::default());
    let all = ["delivered", "failed", "rejected", "throttled", "deferred"];
    attempts(&client, user, endpoint.id, &all).await;
    let first = health(&endpoint).await;
    assert_eq!((first.delivered, first.failed), (1, 2));
    assert!(first.last_delivered_at.is_some() && first.last_failed_at.is_some());

    // A day later, the figures are gone, and the times are not.
    let age = "UPDATE endpoint_hours SET hour = hour - interval '3 days'";
    client.execute(age, &[]).await.expect("the query");
    attempts(&client, user, endpoint.id, &["failed"]).await;
    let later = health(&endpoint).await;
    assert_eq!((later.delivered, later.failed), (0, 1));
    assert_eq!(later.last_delivered_at, first.last_delivered_at);
    assert!(later.last_failed_at > first.last_failed_at);
    assert_eq!(later.failure_ratio(), Some(1.0));
    // The last hour of an endpoint stays, and those of endpoints that are deleted go.
    attempts(&client, user, Uuid::now_v7(), &["delivered"]).await;
    let deleted = webhook_endpoints::delete_old_hours(&*client).await;
    assert_eq!(deleted.expect("the query"), (1, false));
    client.execute(age, &[]).await.expect("the query");
    let deleted = webhook_endpoints::delete_old_hours(&*client).await;
    assert_eq!(deleted.expect("the query"), (1, false));
    assert_eq!(health(&endpoint).await.last_failed_at, later.last_failed_at);

    let sql = "INSERT INTO processes (id, program, version, stages, channels)
               VALUES (gen_random_uuid(), 'worker', '1', '{}', $1)";
    let reports = serde_json::json!([{"channel": "webhook", "provider": "http", "state": "delivering",
                                      "destinationsAway": 1, "away": ["example.com:443"]}]);
    client.execute(sql, &[&reports]).await.expect("the query");
    assert!(health(&endpoint).await.is_away);
    let elsewhere = "UPDATE webhook_endpoints SET url = 'https://example.com:8443/', enabled = false WHERE id = $1";
    client
        .execute(elsewhere, &[&other.id])
        .await
        .expect("the query");
    let by_tidings =
        webhook_endpoints::disable(&*client, endpoint.id, &url("a"), "answered 410 Gone").await;
    assert!(by_tidings.expect("the query"));
    for (state, expected) in [
        (EndpointState::Enabled, vec![]),
        (EndpointState::Disabled, vec![other.id, endpoint.id]),
        (EndpointState::DisabledByTidings, vec![endpoint.id]),
        (EndpointState::Away, vec![endpoint.id]),
    ] {
        for user in [None, Some(user)] {
            let filter = EndpointFilter {
                user,
                state: Some(state),
            };
            let page = webhook_endpoints::list(&*client, filter, None, 10).await;
            let ids: Vec<Uuid> = page.expect("a page").0.iter().map(|row| row.id).collect();
            assert_eq!(ids, expected, "{filter:?}");
        }
    }
}
