//! Refresh tokens: rotation, repetition, theft, and the end of sessions.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tidings_db::user_sessions::{self, RotateResult};
use tidings_domain::access::SessionId;
use tidings_tests::{World, eventually, secs};

use super::{Account, PASSWORD, execute, is_accepted, post, refresh, start, text};

#[tokio::test]
async fn parallel_and_repeated_refreshes_begin_one_generation() {
    let world = World::new().await;
    let api = start(&world, &[]).await;
    let client = api.client();
    let anna = Account::register(&client).await;

    let answers = join_all((0..50).map(|_| refresh(&client, &anna.refresh))).await;
    let first = &answers[0];
    assert_eq!(first.status, 200, "{}", first.text);
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.text);
        for name in ["accessToken", "refreshToken"] {
            assert_eq!(answer.body[name], first.body[name]);
        }
    }
    let generation = text(&first.body["refreshToken"]);
    assert_eq!(generation.split('.').nth(1), Some("2"), "one generation");
    // The response was lost: the client tries again.
    let again = refresh(&client, &anna.refresh).await;
    assert_eq!(
        (again.status, &again.body["refreshToken"]),
        (200, &first.body["refreshToken"])
    );
    // The successor goes on.
    let next = refresh(&client, &generation).await;
    assert_eq!(next.status, 200, "{}", next.text);
    assert!(is_accepted(&client, &text(&next.body["accessToken"])).await);
}

/// The process that answers a refresh is killed after its UPDATE: the client never sees the successor, and asks again.
#[tokio::test]
async fn a_refresh_whose_process_was_killed_before_the_answer_has_the_same_successor() {
    let world = World::new().await;
    let (api, other) = tokio::join!(start(&world, &[]), start(&world, &[]));
    let (client, other) = (api.client(), other.client());
    let anna = Account::register(&client).await;
    let id = anna.refresh.split(['_', '.']).nth(1).expect("a session");
    let id: SessionId = id.parse().expect("an id");
    let idle = Duration::from_hours(1);
    let rotate = async |grace| {
        let pool = &world.database.pool;
        pool.run(async |client| user_sessions::rotate(client, id, 1, idle, grace).await)
            .await
            .expect("asked")
    };
    // What the process has done by then.
    let RotateResult::Rotated(lost) = rotate(Duration::ZERO).await else {
        panic!("the first generation");
    };
    assert_eq!(lost.generation, 2);
    let again = refresh(&other, &anna.refresh).await;
    assert_eq!(again.status, 200, "{}", again.text);
    let successor = text(&again.body["refreshToken"]);
    assert_eq!(successor.split('.').nth(1), Some("2"));
    let once_more = refresh(&client, &anna.refresh).await;
    assert_eq!(once_more.body["refreshToken"], successor);
    let RotateResult::Rotated(kept) = rotate(idle).await else {
        panic!("within the grace");
    };
    assert_eq!((kept.generation, kept.rotated_at), (2, lost.rotated_at));
    assert!(is_accepted(&client, &text(&again.body["accessToken"])).await);
    assert_eq!(refresh(&client, &successor).await.status, 200);
}

/// A thief and the user have one token: whoever uses it second after its replacement ends the session for both, in every
/// process.
#[tokio::test]
async fn a_refresh_token_of_two_generations_ago_ends_the_session_everywhere() {
    let world = World::new().await;
    let (api, other) = tokio::join!(start(&world, &[]), start(&world, &[]));
    let (client, other) = (api.client(), other.client());
    let anna = Account::register(&client).await;
    let stranger = Account::register(&client).await;
    let second = refresh(&client, &anna.refresh).await;
    let second = text(&second.body["refreshToken"]);
    let third = refresh(&client, &second).await;
    let access = text(&third.body["accessToken"]);
    for client in [&client, &other] {
        assert!(is_accepted(client, &access).await);
    }

    let stolen = refresh(&other, &anna.refresh).await;
    stolen.assert_error(401, "invalid_refresh_token");
    for client in [&client, &other] {
        eventually(secs(3), "the session has ended", async || {
            !is_accepted(client, &access).await
        })
        .await;
        let last = text(&third.body["refreshToken"]);
        refresh(client, &last)
            .await
            .assert_error(401, "invalid_refresh_token");
        assert!(is_accepted(client, &stranger.access).await);
    }
    let entries = client.get("/api/audit?action=auth.refresh_reuse").await;
    assert_eq!(
        entries.body["entries"].as_array().map(Vec::len),
        Some(1),
        "{}",
        entries.text
    );
    assert_eq!(
        entries.body["entries"][0]["actor"]["id"],
        anna.id.to_string(),
        "{}",
        entries.text
    );
}

#[tokio::test]
async fn without_grace_a_token_is_used_once_and_an_idle_session_ends() {
    let world = World::new().await;
    let api = start(
        &world,
        &[("REFRESH_GRACE_SECS", "0"), ("REFRESH_IDLE_SECS", "60")],
    )
    .await;
    let client = api.client();
    let anna = Account::register(&client).await;
    let second = refresh(&client, &anna.refresh).await;
    assert_eq!(second.status, 200, "{}", second.text);
    refresh(&client, &anna.refresh)
        .await
        .assert_error(401, "invalid_refresh_token");
    // Reuse has ended it.
    let token = text(&second.body["refreshToken"]);
    refresh(&client, &token)
        .await
        .assert_error(401, "invalid_refresh_token");

    for column in ["last_used_at", "expires_at"] {
        let bert = Account::register(&client).await;
        let sql = format!(
            "UPDATE sessions SET {column} = now() - interval '61 s' WHERE user_id = '{}'",
            bert.id
        );
        execute(&world, &sql).await;
        refresh(&client, &bert.refresh)
            .await
            .assert_error(401, "invalid_refresh_token");
    }
}

/// Logging out, ending another session, another password: each refuses the tokens of the sessions that it ends.
#[tokio::test]
async fn sessions_end_in_every_way() {
    let world = World::new().await;
    let api = start(&world, &[]).await;
    let client = api.client();
    let anna = Account::register(&client).await;
    let login = async |password: &str| {
        let answer = post(
            &client.anonymous(),
            "/api/auth/login",
            &anna.login(password),
        )
        .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        (
            text(&answer.body["accessToken"]),
            text(&answer.body["refreshToken"]),
        )
    };
    let own = client.with_token(&anna.access);

    let (access, token) = login(PASSWORD).await;
    let body = json!({"refreshToken": token});
    for _ in 0..2 {
        let answer = post(&client.anonymous(), "/api/auth/logout", &body).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
    }
    assert!(!is_accepted(&client, &access).await);

    let (access, token) = login(PASSWORD).await;
    let listed = own.get("/api/me/sessions").await;
    let sessions = listed.body["sessions"].as_array().expect("a list");
    let currents: Vec<_> = sessions
        .iter()
        .map(|session| session["current"] == true)
        .collect();
    assert_eq!(currents, [false, true], "{}", listed.text);
    let path = format!("/api/me/sessions/{}", text(&sessions[0]["id"]));
    let delete = async || own.send(own.request(reqwest::Method::DELETE, &path)).await;
    assert_eq!(delete().await.status, 204);
    delete().await.assert_error(404, "not_found");
    assert!(!is_accepted(&client, &access).await);
    refresh(&client, &token)
        .await
        .assert_error(401, "invalid_refresh_token");

    let (access, _) = login(PASSWORD).await;
    let new = "another horse battery";
    let change = json!({"currentPassword": PASSWORD, "newPassword": new});
    assert_eq!(post(&own, "/api/auth/password", &change).await.status, 204);
    post(&own, "/api/auth/password", &change)
        .await
        .assert_error(401, "invalid_credentials");
    assert!(!is_accepted(&client, &access).await);
    assert!(
        is_accepted(&client, &anna.access).await,
        "the session that changed it stays"
    );
    let old = post(
        &client.anonymous(),
        "/api/auth/login",
        &anna.login(PASSWORD),
    )
    .await;
    old.assert_error(401, "invalid_credentials");

    let (access, _) = login(new).await;
    assert_eq!(
        post(&own, "/api/auth/logout-all", &json!({})).await.status,
        204
    );
    for access in [&access, &anna.access] {
        assert!(!is_accepted(&client, access).await);
    }
}
