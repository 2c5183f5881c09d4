//! `/api/webhook-endpoints`.

mod errors;
mod health;
mod permissions;
mod ping;
mod tool;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tidings_db::webhook_endpoints::{self, SigningEndpoint};
use tidings_domain::content::WebhookUrl;
use tidings_domain::notification::UserId;
use tidings_tests::secret_keys::{KEY, keys};
use tidings_tests::{Answer, Client, SharedApi, World};
use uuid::Uuid;

const ALL: &str = "/api/webhook-endpoints";

async fn send(client: &Client, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let request = client.request(method, path);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    client.send(request).await
}

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    send(client, Method::POST, path, Some(body)).await
}

async fn patch(client: &Client, path: &str, body: &Value) -> Answer {
    send(client, Method::PATCH, path, Some(body)).await
}

/// Creates an endpoint. Returns its path and the response's body.
async fn create(client: &Client, user: UserId) -> (String, Value) {
    let body = json!({"userId": user, "url": "https://example.com/hooks"});
    let answer = post(client, ALL, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    (answer.header("Location").to_owned(), answer.body)
}

async fn open() -> (World, SharedApi) {
    World::shared().await
}

/// Returns the endpoint as a delivery reads it.
async fn for_delivery(world: &World, id: &Value) -> SigningEndpoint {
    let id: Option<uuid::Uuid> = id.as_str().and_then(|id| id.parse().ok());
    let id = id.expect("an id");
    let client = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let enabled = webhook_endpoints::list_enabled(&*client, &[world.user], &keys(KEY)).await;
    let mut of_user = enabled
        .expect("the query")
        .remove(&world.user)
        .into_iter()
        .flatten();
    of_user
        .find(|endpoint| endpoint.id == id)
        .expect("an endpoint")
}

fn secrets(endpoint: &SigningEndpoint) -> Vec<&str> {
    let secrets = endpoint.secrets.as_ref().expect("decrypted");
    secrets.iter().map(ExposeSecret::expose_secret).collect()
}

#[tokio::test]
async fn the_secret_of_a_new_endpoint_is_shown_once() {
    let (world, api) = open().await;
    let client = api.client();
    let body = json!({"userId": world.user, "url": "https://example.com/hooks?a=1", "description": "Orders"});
    let answer = post(&client, ALL, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("Cache-Control"), "no-store");
    let mut shown = answer.body.clone();
    let secret = shown["secret"].take();
    let secret = secret.as_str().expect("a secret");
    let bytes = secret
        .strip_prefix("whsec_")
        .map(|text| STANDARD.decode(text));
    assert_eq!(bytes.expect("whsec_").expect("base64").len(), 32);
    let id = shown["id"].as_str().expect("an id").to_owned();
    let path = format!("{ALL}/{id}");
    assert_eq!(answer.header("Location"), path);
    shown.as_object_mut().expect("an object").remove("secret");
    let (created, updated) = (shown["createdAt"].clone(), shown["updatedAt"].clone());
    assert_eq!(
        shown,
        json!({
            "id": id, "userId": world.user, "url": body["url"], "description": "Orders",
            "enabled": true, "disabledReason": null, "createdAt": created, "updatedAt": updated,
        })
    );

    for answer in [
        client.get(&path).await,
        client.get(ALL).await,
        patch(&client, &path, &json!({"enabled": true})).await,
        client
            .get(&format!("/api/users/{}/contacts", world.user))
            .await,
    ] {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(!answer.text.contains("secret") && !answer.text.contains("whsec_"));
    }
    assert_eq!(client.get(&path).await.body["url"], body["url"]);
    assert_eq!(
        secrets(&for_delivery(&world, &answer.body["id"]).await),
        [secret]
    );
    let other = create(&client, world.user).await.1;
    assert_ne!(other["secret"], secret);
}

#[tokio::test]
async fn the_previous_secret_signs_for_a_day_after_a_rotation() {
    let (world, api) = open().await;
    let client = api.client();
    let (path, first) = create(&client, world.user).await;
    let rotate = async || {
        let answer = send(
            &client,
            Method::POST,
            &format!("{path}/rotate-secret"),
            None,
        )
        .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("Cache-Control"), "no-store");
        answer.body
    };
    let second = rotate().await;
    let until: Timestamp = second["previousValidUntil"]
        .as_str()
        .and_then(|time| time.parse().ok())
        .expect("a time");
    let hours = until.duration_since(Timestamp::now()).as_secs_f64() / 3600.0;
    assert!((23.9..24.1).contains(&hours), "{until}");
    let signing = for_delivery(&world, &first["id"]).await;
    assert_eq!(
        json!(secrets(&signing)),
        json!([second["secret"], first["secret"]])
    );
    let third = rotate().await;
    let signing = for_delivery(&world, &first["id"]).await;
    assert_eq!(
        json!(secrets(&signing)),
        json!([third["secret"], second["secret"]])
    );
    assert!(!client.get(&path).await.text.contains("whsec_"));
}

#[tokio::test]
async fn an_endpoint_is_updated_disabled_enabled_and_deleted() {
    let (world, api) = open().await;
    let client = api.client();
    let (path, made) = create(&client, world.user).await;
    let unchanged = patch(&client, &path, &json!({})).await;
    assert_eq!(
        (unchanged.status, &unchanged.body["updatedAt"]),
        (200, &made["updatedAt"])
    );
    let changes = json!({"url": "https://example.org/", "description": "Orders", "enabled": false});
    let answer = patch(&client, &path, &changes).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    for name in ["url", "description", "enabled"] {
        assert_eq!(answer.body[name], changes[name], "{name}");
    }
    let mut found = client.get(&path).await.body;
    let health = found
        .as_object_mut()
        .and_then(|found| found.remove("health"));
    assert_eq!(health.expect("how it fares")["succeeded"], 0);
    assert_eq!(found, answer.body);
    let cleared = patch(&client, &path, &json!({"description": null})).await;
    assert_eq!(cleared.body["description"], Value::Null);
    assert_eq!(cleared.body["url"], changes["url"]);

    let database = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let enabled = patch(&client, &path, &json!({"enabled": true})).await;
    assert_eq!(enabled.body["enabled"], true);
    let id = made["id"]
        .as_str()
        .and_then(|id| id.parse::<Uuid>().ok())
        .expect("an id");
    let url = seen_url(&client, &path).await;
    let reason = "it answered 410 Gone";
    let disabled = webhook_endpoints::disable(&*database, id, &url, reason).await;
    assert!(disabled.expect("the query"));
    let seen = client.get(&path).await.body;
    assert_eq!(
        (&seen["enabled"], &seen["disabledReason"]),
        (&json!(false), &json!("it answered 410 Gone"))
    );
    let enabled = patch(&client, &path, &json!({"enabled": true})).await;
    assert_eq!(enabled.body["disabledReason"], Value::Null);

    assert_eq!(send(&client, Method::DELETE, &path, None).await.status, 204);
    for (method, path) in [
        (Method::DELETE, path.clone()),
        (Method::GET, path.clone()),
        (Method::POST, format!("{path}/ping")),
        (Method::POST, format!("{path}/rotate-secret")),
    ] {
        let answer = send(&client, method, &path, None).await;
        answer.assert_error(404, "not_found");
    }
    let answer = patch(&client, &path, &json!({"enabled": true})).await;
    answer.assert_error(404, "not_found");
}

#[tokio::test]
async fn pages_are_newest_first_and_filtered_by_user() {
    // The list without a user shows the endpoints of all users.
    let world = World::new().await;
    let api = world.api().await;
    let (client, other) = (api.client(), world.database.user().await);
    let mut ids = Vec::new();
    for n in 0..9 {
        let user = if n % 3 == 0 { other } else { world.user };
        ids.push(create(&client, user).await.1["id"].clone());
    }
    ids.reverse();
    let pages = async |query: &str| {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let answer = client.get(&format!("{ALL}?limit=2{query}{cursor}")).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let page = answer.body["webhookEndpoints"].as_array().expect("a list");
            all.extend(page.iter().map(|endpoint| endpoint["id"].clone()));
            match answer.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    };
    assert_eq!(pages("").await, ids);
    let others: Vec<Value> = ids.iter().skip(2).step_by(3).cloned().collect();
    assert_eq!(pages(&format!("&userId={other}")).await, others);
    let nobody = pages(&format!("&userId={}", Uuid::now_v7())).await;
    assert_eq!(nobody, [Value::Null; 0]);
    for (query, field) in [
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
        ("userId=me", "userId"),
        ("targetUserId=x", "targetUserId"),
    ] {
        let answer = client.get(&format!("{ALL}?{query}")).await;
        answer.assert_error(400, "invalid_query");
        assert_eq!(answer.fields(), [field]);
    }
}

#[tokio::test]
async fn concurrent_inserts_do_not_exceed_the_limit_of_endpoints() {
    let (world, api) = open().await;
    let client = api.client();
    let body = json!({"userId": world.user, "url": "https://example.com/hooks"});
    let making = (0..30).map(|_| post(&client, ALL, &body));
    let answers = futures_util::future::join_all(making).await;
    let mut count = 0;
    for answer in answers {
        match answer.status {
            201 => count += 1,
            _ => answer.assert_error(409, "too_many_contacts"),
        }
    }
    assert_eq!(count, 20);
    let list = client.get(&format!("{ALL}?userId={}", world.user)).await;
    assert_eq!(
        list.body["webhookEndpoints"].as_array().map(Vec::len),
        Some(20)
    );
}

async fn seen_url(client: &Client, path: &str) -> WebhookUrl {
    let seen = client.get(path).await.body;
    let url = seen["url"].as_str().expect("a text");
    url.parse().expect("a URL")
}
