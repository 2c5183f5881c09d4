use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tidings_domain::content::{Email, Push, Sms, Webhook};
use tidings_domain::notification::MessageId;

use super::*;

/// A directory that does not exist yet and is deleted at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("tidings-sandbox-test-{}", Uuid::new_v4().simple());
        Self(std::env::temp_dir().join(name))
    }

    fn sandbox(&self) -> Sandbox {
        Sandbox::new(SandboxSettings {
            dir: self.0.clone(),
            sender: "Tidings <tidings@example.com>".parse().expect("an address"),
        })
    }

    /// The JSON file that an outcome refers to.
    fn record(&self, outcome: &SendOutcome) -> Value {
        let SendOutcome::Delivered {
            reference: Some(path),
        } = outcome
        else {
            panic!("{outcome:?}");
        };
        let json = fs::read(self.0.join(path)).expect("the record");
        serde_json::from_slice(&json).expect("JSON")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Some tests create no directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn email() -> EmailMessage {
    EmailMessage {
        id: MessageId::generate(),
        to: "anna@example.org".parse().expect("an address"),
        email: Email {
            to: None,
            subject: "Grüße".to_owned(),
            text: "Hallo".to_owned(),
            html: Some("<p>Hallo</p>".to_owned()),
            from: None,
            reply_to: Some("Help <help@example.com>".parse().expect("an address")),
            unsubscribe_url: None,
        },
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o777
}

#[tokio::test]
async fn an_email_is_a_json_file_and_a_message_file() {
    let folder = Folder::new();
    let message = email();
    let outcome = folder.sandbox().send(&message).await;
    let record = folder.record(&outcome);
    assert_eq!(record["messageId"], json!(message.id));
    assert_eq!(record["channel"], "email");
    assert_eq!(record["to"], "anna@example.org");
    assert_eq!(record["from"], "Tidings <tidings@example.com>");
    assert_eq!(record["subject"], "Grüße");
    assert_eq!(record["text"], "Hallo");
    assert_eq!(record["html"], "<p>Hallo</p>");
    assert_eq!(record["replyTo"], "Help <help@example.com>");
    assert!(
        record["sentAt"]
            .as_str()
            .is_some_and(|at| at.ends_with('Z'))
    );

    let files = fs::read_dir(folder.0.join("email")).expect("the folder");
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let endings: Vec<_> = paths.iter().filter_map(|path| path.extension()).collect();
    assert_eq!(endings, ["eml", "json"], "and nothing temporary");
    let eml = fs::read(&paths[0]).expect("the message");
    let parsed = mail_parser::MessageParser::default().parse(&eml);
    let parsed = parsed.expect("a message");
    assert_eq!(parsed.subject(), Some("Grüße"));
    assert_eq!(parsed.body_html(0).as_deref(), Some("<p>Hallo</p>"));
    assert_eq!(mode(&folder.0), 0o700);
    assert_eq!(mode(&folder.0.join("email")), 0o700);
    assert_eq!(mode(&paths[0]), 0o600);
}

#[tokio::test]
async fn every_channel_has_a_directory_and_its_own_fields() {
    let folder = Folder::new();
    let sandbox = folder.sandbox();
    let id = MessageId::generate();
    let sms = SmsMessage {
        id,
        to: "+4915112345678".parse().expect("a number"),
        sms: Sms {
            to: None,
            text: "Hallo".to_owned(),
        },
    };
    let outcome = sandbox.send(&sms).await;
    let record = folder.record(&outcome);
    assert_eq!(
        (&record["channel"], &record["to"]),
        (&json!("sms"), &json!("+4915112345678"))
    );
    assert_eq!(record["text"], "Hallo");

    let push = PushMessage {
        id,
        to: "a-device".parse().expect("a token"),
        push: Push {
            to: None,
            title: "Hallo".to_owned(),
            body: "Welt".to_owned(),
            data: BTreeMap::from([("order".to_owned(), "1".to_owned())]),
        },
        expires_at: None,
    };
    let outcome = sandbox.send(&push).await;
    let record = folder.record(&outcome);
    assert_eq!(
        (&record["channel"], &record["to"]),
        (&json!("push"), &json!("a-device"))
    );
    assert_eq!(record["data"], json!({"order": "1"}));

    let webhook = WebhookMessage {
        id,
        to: "https://example.com/hooks".parse().expect("a URL"),
        accepted_at: Timestamp::now(),
        secrets: vec!["whsec_secret".into()],
        webhook: Webhook {
            to: None,
            endpoint_id: None,
            event: "order.shipped".to_owned(),
            data: json!({"order": 1}).into(),
        },
    };
    let outcome = sandbox.send(&webhook).await;
    let record = folder.record(&outcome);
    assert_eq!(
        (&record["channel"], &record["event"]),
        (&json!("webhook"), &json!("order.shipped"))
    );
    assert_eq!(record["data"], json!({"order": 1}));
    assert!(!record.to_string().contains("whsec_"), "no secret");
}

#[tokio::test]
async fn the_same_message_has_the_same_file_and_another_address_another() {
    let folder = Folder::new();
    let sandbox = folder.sandbox();
    let mut message = email();
    let first = sandbox.send(&message).await;
    message.email.subject = "Noch einmal".to_owned();
    assert_eq!(sandbox.send(&message).await, first);
    assert_eq!(folder.record(&first)["subject"], "Noch einmal");
    message.to = "bea@example.org".parse().expect("an address");
    assert_ne!(sandbox.send(&message).await, first);
}

#[tokio::test]
async fn a_directory_that_cannot_be_created_is_a_failure() {
    let folder = Folder::new();
    fs::write(&folder.0, "a file where the folder should be").expect("written");
    let outcome = folder.sandbox().send(&email()).await;
    assert!(matches!(outcome, SendOutcome::Failed { .. }), "{outcome:?}");
    fs::remove_file(&folder.0).expect("removed");
}

#[test]
fn the_directory_is_a_setting() {
    let mut reader = Reader::from_vars([("SANDBOX_DIR".to_owned(), "/somewhere".to_owned())]);
    let settings = SandboxSettings::read(&mut reader);
    let settings = reader.finish(settings).expect("settings");
    assert_eq!(settings.dir, Path::new("/somewhere"));
}

#[tokio::test]
async fn each_copy_of_a_message_adds_a_line_to_the_log() {
    let folder = Folder::new();
    let sandbox = folder.sandbox();
    let message = email();
    let began = Timestamp::now();
    let path = match sandbox.send(&message).await {
        SendOutcome::Delivered { reference } => reference.expect("a path"),
        other => panic!("{other:?}"),
    };
    sandbox.send(&message).await;
    let ended = Timestamp::now();
    let name = path.strip_suffix(".json").expect("a JSON file");
    let log = fs::read_to_string(folder.0.join(SENT_LOG)).expect("the log");
    let lines: Vec<_> = log
        .lines()
        .map(|line| line.split_once(' ').expect("a time and a name"))
        .collect();
    assert_eq!(
        lines.iter().map(|(_, its)| *its).collect::<Vec<_>>(),
        [name; 2]
    );
    let times = lines.iter().map(|(time, _)| time.parse().expect("a time"));
    let times: Vec<Timestamp> = times.collect();
    // The log has microseconds.
    let micros = |time: Timestamp| time.as_microsecond();
    assert!(times.is_sorted() && micros(began) <= micros(times[0]) && times[1] <= ended);
}
