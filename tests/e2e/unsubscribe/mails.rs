//! The header fields of e-mails.

use mail_parser::MessageParser;
use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{SmtpOptions, SmtpServer, World, eventually, secs};

use super::{LINKS, PUBLIC_URL, email, post, put_category};

const OWN: &str = "https://shop.example.com/stop?id=1";

/// An e-mail with a field more in its payload.
fn with_own_link(mut email: Value) -> Value {
    email["payload"]["unsubscribeUrl"] = json!(OWN);
    email
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(
    clippy::too_many_lines,
    reason = "a table of categories on the same programs"
)]
async fn the_category_decides_which_e_mails_have_a_link_and_the_link_works() {
    let smtp = SmtpServer::start(SmtpOptions {
        tls: "none",
        ..SmtpOptions::default()
    })
    .await;
    let smtp_settings = smtp.settings();
    let mut settings: Vec<(&str, &str)> = smtp_settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    settings.extend(LINKS);
    settings.extend([
        ("EMAIL_PROVIDER", "smtp"),
        ("WORKER_CHANNELS", "intake,scheduler,email"),
        ("LOG_LEVEL", "debug"),
    ]);
    let world = World::with(&settings).await;
    let (mut api, mut worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    for (name, definition) in [
        ("news", json!({"kind": "marketing"})),
        (
            "receipts",
            json!({"kind": "transactional", "unsubscribe": true}),
        ),
        ("orders", json!({"kind": "transactional"})),
    ] {
        put_category(&client, name, &definition).await;
    }
    let template = json!({"subject": "News", "text": "Stop: {{ unsubscribeUrl }}"});
    let put = client.request(Method::PUT, "/api/templates/news/email/default");
    let put = client.send(put.json(&template)).await;
    assert!([200, 201].contains(&put.status), "{}", put.text);
    let templated = |to: &str| json!({"type": "email", "payload": {"to": to}, "category": "news", "template": {"name": "news"}});
    let mut of_user = email(Some("news"), "user@example.org");
    of_user["targetUserId"] = json!(world.user);

    // Each with what its `List-Unsubscribe` begins with, or `None` if it has none.
    let ours = Some(PUBLIC_URL);
    let cases = [
        ("marketing", email(Some("news"), "a@example.org"), ours),
        ("to a user", of_user, ours),
        (
            "own link",
            with_own_link(email(Some("news"), "b@example.org")),
            Some(OWN),
        ),
        ("by choice", email(Some("receipts"), "c@example.org"), ours),
        (
            "transactional",
            email(Some("orders"), "d@example.org"),
            None,
        ),
        ("no category", email(None, "e@example.org"), None),
        (
            "no category, own link",
            with_own_link(email(None, "f@example.org")),
            Some(OWN),
        ),
        (
            "critical, own link",
            with_own_link(email(Some("security"), "g@example.org")),
            None,
        ),
        ("template", templated("h@example.org"), ours),
        (
            "template, own link",
            with_own_link(templated("i@example.org")),
            Some(OWN),
        ),
    ];
    for (case, body, _) in &cases {
        let answer = client.post(body).await;
        assert_eq!(answer.status, 202, "{case}: {}", answer.text);
    }
    eventually(secs(60), "all are sent", async || {
        smtp.mails().len() == cases.len()
    })
    .await;

    let mut link_of_user = None;
    for (case, body, expected) in &cases {
        let to = body["payload"]["to"].as_str().expect("an address");
        let mails = smtp.mails_to(&to.parse().expect("an address"));
        let parsed = MessageParser::default().parse(&mails[0].content);
        let parsed = parsed.expect("a message");
        let header = |name| parsed.header_raw(name).map(str::trim);
        let one_click = expected.map(|_| "List-Unsubscribe=One-Click");
        assert_eq!(header("List-Unsubscribe-Post"), one_click, "{case}");
        let link = header("List-Unsubscribe").map(|link| link.trim_matches(['<', '>']));
        assert_eq!(link.is_some(), expected.is_some(), "{case}");
        let Some((link, expected)) = link.zip(*expected) else {
            continue;
        };
        assert!(link.starts_with(expected), "{case}: {link}");
        if body.get("template").is_some() {
            let text = parsed.body_text(0).expect("a text");
            assert_eq!(text.trim(), format!("Stop: {link}"), "{case}");
        }
        if *case == "to a user" {
            link_of_user = Some(link.to_owned());
        }
    }

    // What waits is not sent once its recipient has unsubscribed.
    let sending = async |action: &str, body: Value| {
        let request = client.request(Method::POST, &format!("/api/sending/{action}"));
        let answer = client.send(request.json(&body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    sending("stop", json!({"channel": "email", "reason": "a test"})).await;
    let held = client.post(&cases[1].1).await.accepted();
    let link = link_of_user.expect("a link");
    let path = link.strip_prefix(PUBLIC_URL).expect("below PUBLIC_URL");
    assert_eq!(post(&client, path).await.status, 200);
    sending("start", json!({"channel": "email"})).await;
    world.until_status(held, "suppressed").await;
    assert_eq!(smtp.mails().len(), cases.len());

    api.stop().await;
    worker.stop().await;
    let token = path.strip_prefix("/u/").expect("a token");
    for log in [api.logs().lines(), worker.logs().lines()] {
        let log = log.join("\n");
        assert!(
            !log.contains(&token[..40]) && !log.contains(&token[8..]),
            "{log}"
        );
    }
}
