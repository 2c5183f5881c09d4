//! What belongs to a user is that user's alone.

use reqwest::Method;
use serde_json::json;
use tidings_tests::World;

use super::{Account, is_accepted, start, text};

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a list of requests")]
async fn no_user_reaches_what_belongs_to_another() {
    let world = World::new().await;
    let api = start(&world, &[]).await;
    let client = api.client();
    let (anna, mallory) = tokio::join!(Account::register(&client), Account::register(&client));
    let own = client.with_token(&anna.access);
    let thief = client.with_token(&mallory.access);
    let sessions = own.get("/api/me/sessions").await;
    let session = text(&sessions.body["sessions"][0]["id"]);
    let contacts = format!("/api/users/{}/contacts", anna.id);
    for (method, path, status, code) in [
        (
            Method::DELETE,
            format!("/api/me/sessions/{session}"),
            404,
            "not_found",
        ),
        (
            Method::POST,
            format!("{contacts}/email/send-code"),
            403,
            "forbidden",
        ),
        (Method::PUT, format!("{contacts}/email"), 403, "forbidden"),
        (Method::GET, contacts.clone(), 403, "forbidden"),
        (
            Method::GET,
            format!("/api/users/{}", anna.id),
            403,
            "forbidden",
        ),
        (
            Method::PATCH,
            format!("/api/users/{}", anna.id),
            403,
            "forbidden",
        ),
        (Method::POST, "/api/invites".to_owned(), 403, "forbidden"),
        (Method::GET, "/api/audit".to_owned(), 403, "forbidden"),
    ] {
        let request = thief
            .request(method.clone(), &path)
            .json(&json!({"email": "x@example.com"}));
        thief.send(request).await.assert_error(status, code);
        let anonymous = client.anonymous();
        let request = anonymous.request(method, &path).json(&json!({}));
        anonymous
            .send(request)
            .await
            .assert_error(401, "unauthorized");
    }
    // The only user that these paths reach is the caller's own, whatever the request says.
    for path in ["/api/me", "/api/me/sessions"] {
        let answer = thief.get(&format!("{path}?userId={}", anna.id)).await;
        assert!(
            !answer.text.contains(&anna.id.to_string()) && !answer.text.contains(&session),
            "{}",
            answer.text
        );
        client
            .anonymous()
            .get(path)
            .await
            .assert_error(401, "unauthorized");
    }
    for path in [
        "/api/auth/password",
        "/api/auth/logout-all",
        "/api/auth/verify",
    ] {
        let body = json!({});
        super::post(&client.anonymous(), path, &body)
            .await
            .assert_error(401, "unauthorized");
        super::post(&client, path, &body)
            .await
            .assert_error(403, "forbidden");
    }
    assert!(is_accepted(&client, &anna.access).await);

    // A forged MAC, another session's MAC, and a generation that was never issued.
    let parts: Vec<&str> = anna.refresh.split('.').collect();
    let foreign: Vec<&str> = mallory.refresh.split('.').collect();
    for token in [
        format!("{}.{}.{}", parts[0], parts[1], foreign[2]),
        format!("{}.2.{}", parts[0], parts[2]),
        format!("{}.{}.{}", foreign[0], parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        "tdr_".to_owned(),
        anna.access.clone(),
    ] {
        super::refresh(&client, &token)
            .await
            .assert_error(401, "invalid_refresh_token");
        let body = json!({"refreshToken": token});
        super::post(&client.anonymous(), "/api/auth/logout", &body)
            .await
            .assert_error(401, "invalid_refresh_token");
    }
    assert!(
        is_accepted(&client, &anna.access).await,
        "a forged token ends no session"
    );
    assert_eq!(super::refresh(&client, &anna.refresh).await.status, 200);
    // The log contains no secret.
    let lines = api.logs().lines().join("\n");
    for secret in [&anna.access, &anna.refresh, super::PASSWORD, &anna.email] {
        assert!(!lines.contains(secret), "{secret}");
    }
}
