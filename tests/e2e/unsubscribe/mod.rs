//! Links to unsubscribe.

mod clicks;
mod mails;
mod missing_links;
mod opt_outs;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::category::CategoryName;
use tidings_domain::notification::Channel;
use tidings_domain::preference::Recipient;
use tidings_tests::{Answer, Client};
use tidings_unsubscribe::{LinkTarget, UnsubscribeLinks, UnsubscribeSecrets};

const OLD: &str = "0f3c9a7e51d84b26a1c07e95f2d36b48";
const NEW: &str = "b7e2a4d8063e4f9c1f1e7c9b2d605398";

const PUBLIC_URL: &str = "https://notify.example.com/n";

/// The settings of programs that make and read links.
const LINKS: [(&str, &str); 2] = [
    ("PUBLIC_URL", PUBLIC_URL),
    (
        "UNSUBSCRIBE_SECRETS",
        "b7e2a4d8063e4f9c1f1e7c9b2d605398, 0f3c9a7e51d84b26a1c07e95f2d36b48",
    ),
];

/// The path of a link to unsubscribe from e-mails of `category`.
fn path(secret: &str, recipient: Recipient, category: &str) -> String {
    let secrets = UnsubscribeSecrets::parse(secret).expect("a secret");
    let links = UnsubscribeLinks::new(PUBLIC_URL.parse().expect("a URL"), secrets);
    let category: CategoryName = category.parse().expect("a name");
    let token = links.token(&LinkTarget {
        recipient,
        category,
        channel: Channel::Email,
    });
    format!("/u/{token}")
}

/// Creates a category.
async fn put_category(client: &Client, name: &str, definition: &Value) {
    let path = format!("/api/categories/{name}");
    let request = client.request(Method::PUT, &path).json(definition);
    let answer = client.send(request).await;
    assert!([200, 201].contains(&answer.status), "{}", answer.text);
}

/// An e-mail of a category, to `to`.
fn email(category: Option<&str>, to: &str) -> Value {
    let payload = json!({"to": to, "subject": "News", "text": "There is news."});
    let mut email = json!({"type": "email", "payload": payload});
    if let Some(category) = category {
        email["category"] = json!(category);
    }
    email
}

async fn post(client: &Client, path: &str) -> Answer {
    let client = client.anonymous();
    client.send(client.request(Method::POST, path)).await
}

/// Checks what every page has.
fn assert_page(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("Content-Type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("Cache-Control"), "no-store");
    assert_eq!(answer.header("Referrer-Policy"), "no-referrer");
    let policy = answer.header("Content-Security-Policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(answer.headers.get("set-cookie").is_none());
    assert!(!answer.text.contains("<script"), "{}", answer.text);
}
