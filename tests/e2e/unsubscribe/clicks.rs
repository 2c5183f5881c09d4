//! `GET` and `POST /u/{token}`.

use reqwest::Method;
use serde_json::json;
use tidings_domain::content::EmailAddress;
use tidings_domain::preference::{AddressHash, Recipient};
use tidings_tests::{Program, ProgramKind, World, tokens};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use super::{LINKS, NEW, OLD, assert_page, path, post, put_category};

/// What the recipients of the installation have chosen, as text.
async fn chosen(world: &World, table: &str) -> Vec<String> {
    let client = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let sql = format!(
        "SELECT category || ' ' || channel || ' ' || enabled || ' ' || source FROM {table}
         ORDER BY category COLLATE \"C\", channel"
    );
    let rows = client.query(sql.as_str(), &[]).await.expect("a query");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Sends a `POST` as the headers say, and reads the answer once all of it is sent.
async fn click_by_hand(port: u16, link: &str, headers: &str, body: &str) -> String {
    let head = format!(
        "POST {link} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n\r\n"
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("a connection");
    for part in [head.as_str(), body] {
        stream.write_all(part.as_bytes()).await.expect("sent");
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

async fn click_with_long_bodies(port: u16, link: &str) {
    for (headers, body) in [
        (format!("Content-Length: {}", 1 << 20), "x".repeat(1 << 20)),
        (
            "Transfer-Encoding: chunked".to_owned(),
            format!(
                "{}0\r\n\r\n",
                format!("2710\r\n{}\r\n", "x".repeat(10_000)).repeat(3)
            ),
        ),
    ] {
        let answer = click_by_hand(port, link, &headers, &body).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{headers}: {answer}");
    }
}

#[tokio::test]
async fn a_click_unsubscribes_and_a_look_at_the_page_changes_nothing() {
    let world = World::with(&LINKS).await;
    let api = world.api().await;
    let client = api.client();
    for name in ["news", "offers"] {
        put_category(
            &client,
            name,
            &json!({"kind": "marketing", "label": "<News>"}),
        )
        .await;
    }
    let user = Recipient::User(world.user);
    let link = path(OLD, user, "news");
    let anonymous = client.anonymous();

    // Scanners of mailboxes open all links.
    for _ in 0..100 {
        let page = anonymous.get(&link).await;
        assert_page(&page, 200);
        assert!(page.text.contains("<form method=\"post\""), "{}", page.text);
    }
    let head = anonymous.request(Method::HEAD, &link);
    assert_eq!(anonymous.send(head).await.status, 200);
    assert!(chosen(&world, "preferences").await.is_empty());

    for (content_type, body) in [
        (
            "application/x-www-form-urlencoded",
            "List-Unsubscribe=One-Click".to_owned(),
        ),
        ("multipart/form-data", "not what it says".to_owned()),
        ("odd", "{\"action\": \"undo\"".to_owned()),
        ("text/plain", "x".repeat(4000)),
    ] {
        let click = anonymous.request(Method::POST, &link);
        let click = click.header("Content-Type", content_type);
        assert_page(&anonymous.send(click.body(body)).await, 200);
        assert_eq!(
            chosen(&world, "preferences").await,
            ["news email false unsubscribe"]
        );
    }
    click_with_long_bodies(api.port(), &link).await;
    let audit = client.get("/api/audit?action=preferences.update").await;
    assert_eq!(
        audit.body["entries"].as_array().map(Vec::len),
        Some(1),
        "{}",
        audit.text
    );

    // The buttons of the pages.
    assert_page(&post(&client, &format!("{link}?all-marketing")).await, 200);
    let all = [
        "*marketing email false unsubscribe",
        "news email false unsubscribe",
        "offers email false unsubscribe",
    ];
    assert_eq!(chosen(&world, "preferences").await, all);
    // A marketing category that did not exist yet is off, too.
    put_category(&client, "later", &json!({"kind": "marketing"})).await;
    let admin = client.with_token(tokens::scoped(world.user, "admin"));
    let grid = admin
        .get(&format!("/api/users/{}/preferences", world.user))
        .await;
    let rows = grid.body["categories"].as_array().expect("a grid").iter();
    let off = rows.filter(|row| row["channels"][1]["effective"] == false);
    let off: Vec<_> = off.map(|row| row["name"].clone()).collect();
    assert_eq!(off, ["later", "news", "offers"], "{}", grid.text);
    assert_page(&post(&client, &format!("{link}?undo")).await, 200);
    let but_news = [all[0], "news email true unsubscribe", all[2]];
    assert_eq!(chosen(&world, "preferences").await, but_news);
    post(&client, &link).await;
    assert_page(
        &post(&client, &format!("{link}?undo-all-marketing")).await,
        200,
    );
    assert!(chosen(&world, "preferences").await.is_empty());

    // Recipients without an account, and those who do not exist.
    let guest: EmailAddress = "a@example.org".parse().expect("an address");
    let guest = Recipient::Address(AddressHash::from(&guest));
    assert_page(&post(&client, &path(NEW, guest, "news")).await, 200);
    assert_eq!(
        chosen(&world, "address_preferences").await,
        ["news email false unsubscribe"]
    );
    let nobody = Recipient::User(Uuid::from_u128(7).into());
    assert_page(&post(&client, &path(NEW, nobody, "news")).await, 200);
    assert_page(&post(&client, &path(NEW, user, "never-created")).await, 200);

    // Tokens of others.
    let foreign = path("7c1f0e9d5a8b4c63b2d1e0f9a8b7c6d5", user, "news");
    for wrong in [
        &foreign,
        &link[..link.len() - 1],
        "/u/x",
        "/u/%ff",
        "/u/AQ%2F",
    ] {
        assert_page(&anonymous.get(wrong).await, 404);
        assert_page(&post(&client, wrong).await, 404);
    }
}

#[tokio::test]
async fn while_the_database_is_away_a_click_is_to_be_repeated() {
    let world = World::with(&LINKS).await;
    let settings = world.settings(&[("DATABASE_URL", "postgres://127.0.0.1:1/none")]);
    let api = Program::start(ProgramKind::Api, settings).await;
    let client = api.client();
    let link = path(NEW, Recipient::User(world.user), "news");
    assert_page(&client.anonymous().get(&link).await, 200);
    let click = post(&client, &link).await;
    assert_page(&click, 503);
    assert!(!click.header("Retry-After").is_empty());
}
