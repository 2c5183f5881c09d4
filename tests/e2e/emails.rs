//! E-mails arrive once and complete, through a server that requires STARTTLS and a login.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use mail_parser::{Address, Message, MessageParser};
use serde_json::{Value, json};
use tidings_domain::notification::UserId;
use tidings_tests::{ReceivedMail, SmtpOptions, SmtpServer, World, eventually_ok, secs};
use uuid::Uuid;

const POSTED: usize = 2000;

fn payload(number: usize) -> Value {
    json!({
        "to": format!("user{number}@example.org"),
        "subject": format!("Ihre Bestellung Nr. {number} ist größer als gedacht"),
        "text": format!("Grüße aus Köln,\n.\nIhre Bestellung {number} kommt früher.\n"),
        "html": format!("<p>Grüße aus Köln, Ihre <b>Bestellung {number}</b> kommt früher.</p>"),
        "unsubscribeUrl": format!("https://example.com/unsubscribe?user={number}"),
    })
}

fn notification(user: UserId, number: usize) -> Value {
    json!({"targetUserId": user, "type": "email", "payload": payload(number)})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_emails_arrive_once_and_complete() {
    let server = SmtpServer::start(SmtpOptions::default()).await;
    let mut settings = server.settings();
    settings.insert("EMAIL_PROVIDER".to_owned(), "smtp".to_owned());
    settings.insert("WORKER_CHANNELS".to_owned(), "intake,email".to_owned());
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let world = World::with(&settings).await;
    let (api, mut worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let post = async |number| {
        let answer = client.post(&notification(world.user, number)).await;
        (number, answer.accepted().as_uuid())
    };
    let posting = stream::iter(0..POSTED).map(post).buffer_unordered(32);
    let ids: BTreeMap<usize, Uuid> = posting.collect().await;
    assert_eq!(ids.len(), POSTED);

    eventually_ok(secs(180), "all are processed", async || {
        let processed = world.database.count("status = 'processed'").await;
        (processed == 2000)
            .then_some(())
            .ok_or_else(|| format!("{processed} processed"))
    })
    .await;
    worker.stop().await;
    let first_tries = "status = 'processed' AND retries_attempted = 0";
    assert_eq!(world.database.count(first_tries).await, 2000);

    let mails = server.mails();
    assert_eq!(mails.len(), POSTED, "each arrives once");
    let mut arrived = BTreeMap::new();
    for mail in &mails {
        assert_eq!(mail.to.len(), 1);
        arrived.insert(mail.to[0].as_str(), mail);
    }
    for (number, id) in ids {
        let address = format!("user{number}@example.org");
        let mail = arrived.get(address.as_str()).expect("it arrived");
        assert_is(mail, number, id);
    }
    // Messages share connections.
    assert!(server.connections() < 100, "{}", server.connections());

    let amqp = world.amqp().await;
    assert_eq!(amqp.intake_depth().await, 0);
    assert_eq!(amqp.dead_letter_depth().await, 0);
}

/// Checks that this is the message that was posted with this number.
fn assert_is(mail: &ReceivedMail, number: usize, id: Uuid) {
    assert!(mail.is_encrypted);
    assert_eq!(mail.user.as_deref(), Some("tidings"));
    assert_eq!(mail.from, "tidings@example.com");
    let parsed = MessageParser::default().parse(&mail.content);
    let parsed = parsed.expect("a message");
    let payload = payload(number);
    let text = |name: &str| payload[name].as_str().expect("a text");

    assert_eq!(address(parsed.from()), Some("tidings@example.com"));
    assert_eq!(address(parsed.to()), Some(text("to")));
    assert_eq!(parsed.subject(), Some(text("subject")));
    let message_id = format!("{id}@example.com");
    assert_eq!(parsed.message_id(), Some(message_id.as_str()));
    assert!(parsed.date().is_some());
    let unsubscribe = format!("<{}>", text("unsubscribeUrl"));
    assert_eq!(
        header(&parsed, "List-Unsubscribe"),
        Some(unsubscribe.as_str())
    );
    let one_click = header(&parsed, "List-Unsubscribe-Post");
    assert_eq!(one_click, Some("List-Unsubscribe=One-Click"));
    assert_eq!(header(&parsed, "MIME-Version"), Some("1.0"));

    assert_eq!(parsed.parts.len(), 3, "the message and its two parts");
    let body = parsed.body_text(0).expect("a text part");
    let lines = text("text").replace('\n', "\r\n");
    assert_eq!(body.trim_end(), lines.trim_end());
    let body = parsed.body_html(0).expect("an HTML part");
    assert_eq!(body.trim_end(), text("html"));
}

fn address<'a>(header: Option<&'a Address<'_>>) -> Option<&'a str> {
    header?.first()?.address()
}

fn header<'a>(parsed: &'a Message<'_>, name: &'static str) -> Option<&'a str> {
    parsed.header_raw(name).map(str::trim)
}
