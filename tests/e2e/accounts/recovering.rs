//! Users whose deletion waits keep their account by the link in an e-mail.

use reqwest::{Method, StatusCode};
use serde_json::json;
use tidings_tests::{Client, World};

use super::{Account, PASSWORD, execute, post, post_from, selected, start, text};

const BASE: &str = "https://notify.example.com/t";

/// The newest link, without the address of the API.
const LINK: &str = "SELECT payload->>'url' FROM notifications WHERE template_name = 'account-deletion' ORDER BY id DESC LIMIT 1";

const MAILS: &str =
    "SELECT count(*)::text FROM notifications WHERE template_name = 'account-deletion'";

async fn delete(client: &Client, anna: &Account) -> String {
    let own = client.with_token(&anna.access);
    let request = own.request(Method::DELETE, "/api/me");
    let answer = own.send(request.json(&json!({"password": PASSWORD}))).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    text(&answer.body["id"])
}

/// The path of the page in the newest e-mail.
async fn link(world: &World) -> String {
    let url = selected(world, LINK).await.expect("an e-mail with a link");
    let path = url.strip_prefix(BASE).expect(&url);
    assert!(path.starts_with("/recover/"), "{url}");
    path.to_owned()
}

/// The status of a response, and its page.
async fn page(client: &Client, method: Method, path: &str) -> (u16, String) {
    let is_head = method == Method::HEAD;
    let request = client.request(method, path);
    let response = request.send().await.expect("a response");
    let header = |name| {
        let value = response.headers().get(name);
        value
            .map_or("", |value| value.to_str().expect("text"))
            .to_owned()
    };
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(header("referrer-policy"), "no-referrer");
    let policy = header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(
        policy.contains("form-action 'self'; base-uri 'none'; frame-ancestors 'none'"),
        "{policy}"
    );
    let status = response.status();
    let html = response.text().await.expect("a page");
    assert_eq!(html.contains("</html>"), !is_head, "{html}");
    assert!(!html.contains("<script"), "{html}");
    (status.as_u16(), html)
}

#[tokio::test]
async fn the_link_in_the_mail_leads_to_a_button_that_cancels_the_deletion() {
    let world = World::new().await;
    let api = start(&world, &[("PUBLIC_URL", "https://notify.example.com/t/")]).await;
    let client = api.client();
    let anna = Account::register(&client).await;
    execute(&world, "UPDATE users SET email_verified = true").await;
    let deletion = delete(&client, &anna).await;
    let mail = format!(
        "SELECT type || ' ' || status || ' ' || category || ' ' || sensitive || ' ' || (user_id = '{}') FROM notifications
         WHERE template_name = 'account-deletion'",
        anna.id
    );
    let mail = selected(&world, &mail).await;
    assert_eq!(mail.as_deref(), Some("email scheduled security true true"));
    let first = link(&world).await;

    // Nobody but people press buttons.
    let stranger = client.anonymous();
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let (status, html) = page(&stranger, method.clone(), &first).await;
        assert_eq!(status, 200);
        assert_eq!(
            html.contains("<form method=\"post\">"),
            method == Method::GET
        );
    }
    let login = async || post(&stranger, "/api/auth/login", &anna.login(PASSWORD)).await;
    login().await.assert_error(403, "account_deleting");
    let mut forged = first.clone().into_bytes();
    let place = forged.len() - 10;
    forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).expect("ASCII");
    for wrong in [forged.as_str(), "/recover/x"] {
        for method in [Method::GET, Method::POST] {
            let (status, html) = page(&stranger, method, wrong).await;
            assert_eq!((status, html.contains("<form")), (404, false), "{html}");
        }
    }
    login().await.assert_error(403, "account_deleting");

    for _ in 0..2 {
        let (status, html) = page(&stranger, Method::POST, &first).await;
        assert_eq!(status, StatusCode::OK.as_u16(), "{html}");
        assert!(html.contains("Your account stays"), "{html}");
    }
    assert_eq!(login().await.status, 200);
    let entries = format!(
        "SELECT count(*)::text FROM audit_log WHERE action = 'user.delete_cancel' AND target_id = '{0}' AND actor_id = '{0}'",
        anna.id
    );
    assert_eq!(selected(&world, &entries).await.as_deref(), Some("1"));

    // The user changes their mind again, in German.
    let session = login().await;
    let again = Account {
        access: text(&session.body["accessToken"]),
        ..anna
    };
    execute(&world, "UPDATE users SET locale = 'de-AT'").await;
    assert_ne!(delete(&client, &again).await, deletion);
    let second = link(&world).await;
    let (status, html) = page(&stranger, Method::POST, &first).await;
    assert_eq!((status, html.contains("zu alt")), (410, true), "{html}");
    let (status, html) = page(&stranger, Method::GET, &second).await;
    assert_eq!(
        (status, html.contains("Konto behalten?")),
        (200, true),
        "{html}"
    );
    execute(
        &world,
        "UPDATE user_deletions SET status = 'erasing' WHERE status = 'waiting'",
    )
    .await;
    for method in [Method::GET, Method::POST] {
        let (status, html) = page(&stranger, method, &second).await;
        assert_eq!((status, html.contains("<form")), (410, false), "{html}");
    }
    let erasing = "SELECT count(*)::text FROM user_deletions WHERE status = 'erasing'";
    assert_eq!(selected(&world, erasing).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn another_mail_is_sent_until_the_day_has_two_and_the_answer_is_always_the_same() {
    let world = World::new().await;
    let api = start(&world, &[]).await;
    let client = api.client();
    let anna = Account::register(&client).await;
    let stranger = client.anonymous();
    let ask = async |email: &str| {
        let body = json!({"email": email});
        let path = "/api/auth/recover-account";
        let answer = post_from(&stranger, "192.0.2.1", path, &body).await;
        assert_eq!((answer.status, answer.text.as_str()), (202, ""));
        selected(&world, MAILS).await.expect("a count")
    };
    // No deletion waits.
    assert_eq!(ask(&anna.email).await, "0");
    // An address that is not verified may be that of somebody else: the user is told in the app.
    delete(&client, &anna).await;
    assert_eq!(ask(&anna.email).await, "0");
    let told = "SELECT status || ' ' || category || ' ' || (payload->>'title') FROM notifications WHERE type = 'in-app'";
    let told = selected(&world, told).await;
    assert_eq!(
        told.as_deref(),
        Some("processed security Your account will be deleted")
    );

    execute(&world, "UPDATE users SET email_verified = true").await;
    for (email, mails) in [
        (anna.email.to_uppercase(), "1"),
        (format!("nobody-{}@example.com", anna.id), "1"),
        (anna.email.clone(), "2"),
        (anna.email.clone(), "2"),
    ] {
        assert_eq!(ask(&email).await, mails, "{email}");
    }
    // Without PUBLIC_URL, there is no link.
    assert_eq!(
        selected(
            &world,
            &LINK.replace("payload->>'url'", "payload->>'userId'")
        )
        .await,
        Some(anna.id.to_string())
    );
    let links = format!("{MAILS} AND payload->'url' = 'null'");
    assert_eq!(selected(&world, &links).await.as_deref(), Some("2"));
    // A network causes few messages, and nobody learns more than before.
    let many = futures_util::future::join_all((0..12).map(|_| ask(&anna.email))).await;
    assert!(many.iter().all(|mails| mails == "2"));
    let invalid = post(
        &stranger,
        "/api/auth/recover-account",
        &json!({"email": "x"}),
    )
    .await;
    invalid.assert_error(400, "invalid_fields");
}
