//! The SMTP provider with a real server: messages, and the report of each failure.

use std::time::Duration;

use futures_util::future::join_all;
use mail_parser::{MessageParser, MimeHeaders};
use tidings_domain::content::{Email, EmailAddress};
use tidings_domain::notification::MessageId;
use tidings_settings::Reader;
use tidings_tests::{EnvVars, SmtpOptions, SmtpServer, eventually, secs};
use tidings_worker::providers::smtp::{Smtp, SmtpSettings};
use tidings_worker::providers::{EmailMessage, Provider, SendOutcome};

/// Long enough for a busy machine.
const TIMEOUT: Duration = secs(20);

fn settings(settings: EnvVars) -> SmtpSettings {
    let mut reader = Reader::from_vars(settings);
    let settings = SmtpSettings::read(&mut reader);
    reader.finish(settings).expect("settings")
}

/// Creates a provider that trusts the certificate of `server`, with `changed` settings.
fn provider(server: &SmtpServer, changed: &[(&str, &str)], timeout: Duration) -> Smtp {
    let mut given = server.settings();
    for (name, value) in changed {
        given.insert((*name).to_owned(), (*value).to_owned());
    }
    Smtp::trusting(settings(given), timeout, 2, server.certificate()).expect("a provider")
}

fn address(text: &str) -> EmailAddress {
    text.parse().expect("an address")
}

fn email(to: &str) -> EmailMessage {
    EmailMessage {
        id: MessageId::generate(),
        to: address(to),
        email: Email {
            to: None,
            subject: "Größer als gedacht".to_owned(),
            text: "Grüße\n.\n..\n.. und mehr\n".to_owned(),
            html: Some("<p>Grüße</p>".to_owned()),
            from: None,
            reply_to: None,
            unsubscribe_url: None,
        },
    }
}

async fn send(provider: &Smtp, to: &str) -> SendOutcome {
    Provider::send(provider, &email(to)).await
}

fn assert_delivered(report: &SendOutcome) {
    assert!(
        matches!(report, SendOutcome::Delivered { .. }),
        "{report:?}"
    );
}

fn assert_failed(report: &SendOutcome, words: &str) {
    match report {
        SendOutcome::Failed { error } => assert!(error.contains(words), "{error}"),
        other => panic!("{other:?}"),
    }
}

fn assert_not_now(report: &SendOutcome, words: &str) {
    match report {
        SendOutcome::RefusedForNow { error } => assert!(error.contains(words), "{error}"),
        other => panic!("{other:?}"),
    }
}

/// Starts a server that gives this reply to a command with this address.
async fn answering(stage: &'static str, who: &'static str, answer: &'static str) -> SmtpServer {
    SmtpServer::start(SmtpOptions {
        answers: vec![(stage, who, answer)],
        ..SmtpOptions::default()
    })
    .await
}

#[tokio::test]
async fn a_message_arrives_over_starttls_with_a_login() {
    let server = SmtpServer::start(SmtpOptions::default()).await;
    let provider = provider(&server, &[], TIMEOUT);
    let report = send(&provider, "anna@example.org").await;
    let reference = Some("2.0.0 OK: queued as 1".to_owned());
    assert_eq!(report, SendOutcome::Delivered { reference });
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].from, "tidings@example.com");
    assert_eq!(mails[0].to, ["anna@example.org"]);
    assert_eq!(mails[0].user.as_deref(), Some("tidings"));
    assert!(mails[0].is_encrypted);
}

#[tokio::test]
async fn a_message_arrives_over_tls_from_the_first_byte_and_without_tls() {
    for tls in ["tls", "none"] {
        let server = SmtpServer::start(SmtpOptions {
            tls,
            ..SmtpOptions::default()
        })
        .await;
        let provider = provider(&server, &[], TIMEOUT);
        assert_delivered(&send(&provider, "anna@example.org").await);
        let mails = server.mails();
        assert_eq!(mails.len(), 1, "{tls}");
        assert_eq!(mails[0].user.is_some(), tls == "tls");
    }
}

#[tokio::test]
async fn lines_that_look_like_smtp_commands_arrive_unchanged() {
    let server = SmtpServer::start(SmtpOptions::default()).await;
    let provider = provider(&server, &[], TIMEOUT);
    let as_lines = |text: &str| {
        let ended = text.replace("\r\n", "\n").replace('\r', "\n");
        ended.replace('\n', "\r\n")
    };
    let mut message = email("anna@example.org");
    let text = format!(
        ".\n..\n.begins with a dot\nRSET\n\nFrom here\r.\r\n{}\nend",
        "x".repeat(5000)
    );
    message.email.text.clone_from(&text);
    for (to, html) in [
        ("anna@example.org", None),
        ("bea@example.org", Some("<p>.\n.\n</p>")),
    ] {
        message.to = address(to);
        message.email.html = html.map(ToOwned::to_owned);
        assert_delivered(&Provider::send(&provider, &message).await);
        let mails = server.mails_to(&message.to);
        assert_eq!(mails.len(), 1);
        let parsed = MessageParser::default().parse(&mails[0].content);
        let parsed = parsed.expect("a message");
        let read = parsed.body_text(0).expect("a text");
        assert_eq!(read.trim_end(), as_lines(&text));
        let is_text = parsed.is_content_type("text", "plain");
        assert_eq!(is_text, message.email.html.is_none());
    }
}

#[tokio::test]
async fn an_address_beyond_ascii_arrives_by_smtputf8() {
    let server = SmtpServer::start(SmtpOptions::default()).await;
    let provider = provider(&server, &[], TIMEOUT);
    assert_delivered(&send(&provider, "ännä@exämple.org").await);
    let mails = server.mails();
    assert_eq!(mails[0].to, ["ännä@xn--exmple-cua.org"]);
    assert_eq!(mails[0].options, ["SMTPUTF8", "BODY=8BITMIME"]);
}

#[tokio::test]
async fn a_wrong_password_is_reported_as_refused_credentials() {
    let server = SmtpServer::start(SmtpOptions::default()).await;
    let provider = provider(&server, &[("SMTP_PASS", "wrong")], TIMEOUT);
    let error = "535 5.7.8 Authentication credentials invalid".to_owned();
    let report = send(&provider, "anna@example.org").await;
    assert_eq!(report, SendOutcome::CredentialsRefused { error });
}

#[tokio::test]
async fn a_missing_or_unsupported_login_is_reported_as_refused_credentials() {
    let server = SmtpServer::start(SmtpOptions::default()).await;
    let nobody = provider(&server, &[("SMTP_USER", ""), ("SMTP_PASS", "")], TIMEOUT);
    let report = send(&nobody, "anna@example.org").await;
    assert!(
        matches!(&report, SendOutcome::CredentialsRefused { error } if error.starts_with("530")),
        "{report:?}"
    );
    let open = SmtpServer::start(SmtpOptions {
        tls: "none",
        offers_login: false,
        ..SmtpOptions::default()
    })
    .await;
    let login = [
        ("SMTP_USER", "a"),
        ("SMTP_PASS", "b"),
        ("APP_ENV", "development"),
    ];
    let report = send(&provider(&open, &login, TIMEOUT), "anna@example.org").await;
    assert!(
        matches!(&report, SendOutcome::CredentialsRefused { error } if error.contains("AUTH")),
        "{report:?}"
    );
    assert!(open.mails().is_empty());
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_without_starttls() {
    let server = SmtpServer::start(SmtpOptions {
        tls: "none",
        ..SmtpOptions::default()
    })
    .await;
    let provider = provider(&server, &[("SMTP_TLS", "starttls")], TIMEOUT);
    assert_failed(&send(&provider, "anna@example.org").await, "STARTTLS");
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn an_untrusted_certificate_or_one_for_another_host_is_a_failure() {
    let server = SmtpServer::start(SmtpOptions::default()).await;
    let distrustful = Smtp::new(settings(server.settings()), TIMEOUT, 2).expect("a provider");
    assert_failed(&send(&distrustful, "anna@example.org").await, "certificate");
    let another = SmtpServer::start(SmtpOptions {
        certificate_for: "smtp.example.com",
        ..SmtpOptions::default()
    })
    .await;
    let misled = provider(&another, &[], TIMEOUT);
    assert_failed(&send(&misled, "anna@example.org").await, "certificate");
    assert!(server.mails().is_empty() && another.mails().is_empty());
}

#[tokio::test]
async fn smtp_replies_are_mapped_to_outcomes() {
    let server = SmtpServer::start(SmtpOptions {
        answers: vec![
            ("rcpt", "unknown@example.org", "550 5.1.1 No such user here"),
            ("rcpt", "greylisted@example.org", "450 4.2.0 Greylisted"),
            ("rcpt", "eager@example.org", "451 4.7.1 Too much mail"),
            (
                "rcpt",
                "popular@example.org",
                "450 4.7.1 <popular@example.org>: Recipient address rejected: rate limit",
            ),
            ("rcpt", "busy@example.org", "421 4.3.2 Shutting down"),
            ("data", "spam@example.org", "554 5.7.1 Spam"),
            ("data", "full@example.org", "452 4.3.1 Insufficient storage"),
        ],
        ..SmtpOptions::default()
    })
    .await;
    let provider = provider(&server, &[], TIMEOUT);
    let answer = async |to| send(&provider, to).await;
    let error = "550 5.1.1 No such user here".to_owned();
    assert_eq!(
        answer("unknown@example.org").await,
        SendOutcome::Rejected { error }
    );
    assert_not_now(
        &answer("greylisted@example.org").await,
        "450 4.2.0 Greylisted",
    );
    let (retry_after, error) = (None, "451 4.7.1 Too much mail".to_owned());
    let slow_down = SendOutcome::Throttled { retry_after, error };
    assert_eq!(answer("eager@example.org").await, slow_down);
    assert_not_now(
        &answer("popular@example.org").await,
        "450 4.7.1 <***>: Recipient address rejected: rate limit",
    );
    let error = "554 5.7.1 Spam".to_owned();
    assert_eq!(
        answer("spam@example.org").await,
        SendOutcome::Rejected { error }
    );
    assert_failed(&answer("full@example.org").await, "452 4.3.1");
    // The same connection still works.
    assert_delivered(&answer("anna@example.org").await);
    assert_eq!(server.connections(), 1);
    assert_failed(&answer("busy@example.org").await, "421 4.3.2");
    assert_delivered(&answer("bea@example.org").await);
    assert_eq!(server.mails().len(), 2);
}

#[tokio::test]
async fn a_421_reply_to_mail_is_reported_as_throttling() {
    let away = "421 4.3.2 Shutting down";
    let server = answering("mail", "tidings@example.com", away).await;
    let provider = provider(&server, &[], TIMEOUT);
    let (retry_after, error) = (None, away.to_owned());
    let slow_down = SendOutcome::Throttled { retry_after, error };
    assert_eq!(send(&provider, "anna@example.org").await, slow_down);
}

#[tokio::test]
async fn a_server_that_is_down_is_a_failure() {
    let mut server = SmtpServer::start(SmtpOptions::default()).await;
    let down = provider(&server, &[], TIMEOUT);
    server.kill();
    assert_failed(&send(&down, "anna@example.org").await, "refused");
    let unknown = [("SMTP_HOST", "does-not-exist.invalid")];
    let nowhere = provider(&server, &unknown, TIMEOUT);
    let report = send(&nowhere, "anna@example.org").await;
    assert!(matches!(report, SendOutcome::Failed { .. }), "{report:?}");
}

#[tokio::test]
async fn a_server_that_disconnects_before_the_message_is_a_failure() {
    let server = answering("rcpt", "anna@example.org", "drop").await;
    let provider = provider(&server, &[], TIMEOUT);
    let report = send(&provider, "anna@example.org").await;
    assert!(matches!(report, SendOutcome::Failed { .. }), "{report:?}");
}

#[tokio::test]
async fn a_server_that_is_killed_after_the_message_leaves_the_outcome_unknown() {
    let mut server = answering("data", "anna@example.org", "hang").await;
    let provider = provider(&server, &[], TIMEOUT);
    let sending = tokio::spawn(async move { send(&provider, "anna@example.org").await });
    eventually(TIMEOUT, "the server has the message", async || {
        server.mails().len() == 1
    })
    .await;
    server.kill();
    let report = sending.await.expect("a report");
    assert!(matches!(report, SendOutcome::Unknown { .. }), "{report:?}");
}

#[tokio::test]
async fn a_server_that_does_not_respond_fails_after_the_timeout() {
    let server = SmtpServer::start(SmtpOptions {
        answers: vec![
            ("rcpt", "early@example.org", "hang"),
            ("data", "late@example.org", "hang"),
        ],
        ..SmtpOptions::default()
    })
    .await;
    let limit = [("SMTP_DATA_TIMEOUT_SECS", "4")];
    let provider = provider(&server, &limit, secs(4));
    // Connects first, so that the time to connect does not count below.
    assert_delivered(&send(&provider, "first@example.org").await);
    assert_failed(&send(&provider, "early@example.org").await, "within 4s");
    let report = send(&provider, "late@example.org").await;
    assert!(
        matches!(&report, SendOutcome::Unknown { error } if error.contains("within 4s")),
        "{report:?}"
    );
    // If a connection with an outstanding reply were reused, this message would get the wrong reply.
    let report = send(&provider, "anna@example.org").await;
    let reference = Some("2.0.0 OK: queued as 3".to_owned());
    assert_eq!(report, SendOutcome::Delivered { reference });
}

#[tokio::test]
async fn a_connection_that_the_server_closed_while_it_was_idle_is_no_failure() {
    let server = SmtpServer::start(SmtpOptions {
        idle_seconds: 0.5,
        ..SmtpOptions::default()
    })
    .await;
    let provider = provider(&server, &[], TIMEOUT);
    for n in 1..=2 {
        assert_delivered(&send(&provider, "anna@example.org").await);
        eventually(TIMEOUT, "the server closes it", async || {
            server.connections() == n && server.open_connections() == 0
        })
        .await;
    }
    assert_eq!(server.mails().len(), 2);
}

#[tokio::test]
async fn a_server_that_limits_messages_per_connection_is_no_failure() {
    let server = SmtpServer::start(SmtpOptions {
        mails_per_connection: 2,
        ..SmtpOptions::default()
    })
    .await;
    let provider = provider(&server, &[], TIMEOUT);
    for _ in 0..6 {
        assert_delivered(&send(&provider, "anna@example.org").await);
    }
    assert_eq!(server.mails().len(), 6);
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn many_messages_share_few_connections() {
    let server = SmtpServer::start(SmtpOptions::default()).await;
    let provider = provider(&server, &[], secs(60));
    let addresses: Vec<_> = (0..50).map(|n| format!("user{n}@example.org")).collect();
    let reports = join_all(addresses.iter().map(|to| send(&provider, to))).await;
    reports.iter().for_each(assert_delivered);
    assert!(server.connections() <= 2, "{}", server.connections());
    let mut arrived: Vec<_> = server
        .mails()
        .into_iter()
        .flat_map(|mail| mail.to)
        .collect();
    let mut expected = addresses;
    arrived.sort();
    expected.sort();
    assert_eq!(arrived, expected, "each once");
}
