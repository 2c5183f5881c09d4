//! The SMTP provider with servers whose replies are unusual: the code decides, at every stage.

use rstest::rstest;
use tidings_domain::content::Email;
use tidings_domain::notification::MessageId;
use tidings_settings::Reader;
use tidings_tests::{EnvVars, ScriptedSmtp, SmtpScript, secs};
use tidings_worker::providers::smtp::{Smtp, SmtpSettings};
use tidings_worker::providers::{EmailMessage, Provider, SendOutcome};

fn settings(given: EnvVars) -> SmtpSettings {
    let mut reader = Reader::from_vars(given);
    let settings = SmtpSettings::read(&mut reader);
    reader.finish(settings).expect("settings")
}

/// A provider with one connection.
fn provider(server: &ScriptedSmtp, more: &[(&str, &str)]) -> Smtp {
    let mut given = server.settings();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    given.extend(more.iter().map(owned));
    Smtp::new(settings(given), secs(20), 1).expect("a provider")
}

async fn send_with(server: &ScriptedSmtp, more: &[(&str, &str)]) -> SendOutcome {
    send_by(&provider(server, more)).await
}

async fn send_by(provider: &Smtp) -> SendOutcome {
    let to = "anna@example.org".parse().expect("an address");
    let message = EmailMessage {
        id: MessageId::generate(),
        to,
        email: Email {
            to: None,
            subject: "Your order".to_owned(),
            text: "It has shipped!".to_owned(),
            html: None,
            from: None,
            reply_to: None,
            unsubscribe_url: None,
        },
    };
    Provider::send(provider, &message).await
}

async fn send(script: SmtpScript) -> (SendOutcome, ScriptedSmtp) {
    let server = ScriptedSmtp::start(script).await;
    (send_with(&server, &[]).await, server)
}

fn delivered(reference: Option<&str>) -> SendOutcome {
    let reference = reference.map(ToOwned::to_owned);
    SendOutcome::Delivered { reference }
}

fn rejected(error: &str) -> SendOutcome {
    let error = error.to_owned();
    SendOutcome::Rejected { error }
}

#[rstest]
#[case(
    "end",
    b"250 2.0.0 angenommen f\xfcr Zustellung\r\n",
    Some("2.0.0 angenommen f\u{fffd}r Zustellung")
)]
#[case("end", b"250\r\n", None)]
#[case("end", b"250OK\r\n", Some("OK"))]
#[case(
    "end",
    b"250-2.0.0 queued\r\nas 7\r\n250\r\n",
    Some("2.0.0 queued as 7")
)]
#[case("end", b"252 2.0.0 OK\r\n", Some("2.0.0 OK"))]
#[case("end", b"200 2.0.0 OK\r\n", Some("2.0.0 OK"))]
#[case("end", b"220 2.0.0 OK\r\n", Some("2.0.0 OK"))]
#[case("end", b"290 2.0.0 OK\r\n", Some("290 2.0.0 OK"))]
#[case("greeting", b"220\r\n", Some("2.0.0 OK"))]
#[case("greeting", b"220-Gr\xfc\xdfe\r\n220\r\n", Some("2.0.0 OK"))]
#[case("EHLO", b"250\r\n", Some("2.0.0 OK"))]
#[case(
    "EHLO",
    b"250-mail.example.com Gr\xfc\xdfe\r\n250-\r\n250\r\n",
    Some("2.0.0 OK")
)]
#[case("MAIL", b"250\r\n", Some("2.0.0 OK"))]
#[case("MAIL", b"250 Absender g\xfcltig\r\n", Some("2.0.0 OK"))]
#[case("RCPT", b"250\r\n", Some("2.0.0 OK"))]
#[case("RCPT", b"251\n", Some("2.0.0 OK"))]
#[case("DATA", b"354\r\n", Some("2.0.0 OK"))]
#[case("DATA", b"354 weiter, f\xfcr das Ende ein Punkt\r\n", Some("2.0.0 OK"))]
#[tokio::test]
async fn a_message_that_the_server_takes_is_delivered_once(
    #[case] command: &'static str,
    #[case] reply: &[u8],
    #[case] reference: Option<&str>,
) {
    let (outcome, server) = send(SmtpScript::accepting().reply(command, reply)).await;
    assert_eq!(outcome, delivered(reference));
    assert_eq!(server.messages(), 1);
}

#[rstest]
#[case(
    "RCPT",
    b"550 5.1.1 Empf\xe4nger unbekannt\r\n",
    "550 5.1.1 Empf\u{fffd}nger unbekannt"
)]
#[case("RCPT", b"550\r\n", "550 (no text)")]
#[case("RCPT", b"550-5.1.1 a\r\n550\r\n", "550 5.1.1 a ")]
#[case("end", b"554\n", "554 (no text)")]
#[tokio::test]
async fn a_message_that_the_server_refuses_is_rejected(
    #[case] command: &'static str,
    #[case] reply: &[u8],
    #[case] error: &str,
) {
    let (outcome, _) = send(SmtpScript::accepting().reply(command, reply)).await;
    assert_eq!(outcome, rejected(error.trim_end()));
}

/// The code has arrived, and so has the decision of the server.
#[rstest]
#[case(b"250 2.0.0 OK", Some("2.0.0 OK"))]
#[case(b"250 2.0.0 OK\r", Some("2.0.0 OK"))]
#[case(b"250", None)]
#[case(b"250-2.0.0 queued\r\n", Some("2.0.0 queued"))]
#[case(b"250-2.0.0 queued\r\n250 as", Some("2.0.0 queued as"))]
#[case(b"250-2.0.0 queued\r\n25", Some("2.0.0 queued 25"))]
#[tokio::test]
async fn an_accepted_message_is_delivered_even_if_the_reply_is_cut_off(
    #[case] reply: &[u8],
    #[case] reference: Option<&str>,
) {
    let script = SmtpScript::accepting().reply("end", reply);
    let (outcome, server) = send(script.close_after("end")).await;
    assert_eq!(outcome, delivered(reference));
    assert_eq!(server.messages(), 1);
}

#[tokio::test]
async fn a_refused_message_is_rejected_even_if_the_reply_is_cut_off() {
    let script = SmtpScript::accepting().reply("end", "554 5.6.0 no");
    let (outcome, _) = send(script.close_after("end")).await;
    assert_eq!(outcome, rejected("554 5.6.0 no"));
}

/// Nothing that a server sends after its reply to one message may decide about the next one.
#[rstest]
#[case("550 5.7.1 it was spam\r\n")]
#[case("250 2.0.0 OK\r\n")]
#[case("421 4.4.2 closing the idle connection\r\n")]
#[case("450 4.2.0 greylisted\r\n")]
#[case("535 5.7.8 logged out\r\n")]
#[case("550-5.7.1 it was")]
#[tokio::test]
async fn a_second_reply_to_a_message_is_not_taken_for_the_reply_to_the_next(#[case] late: &str) {
    let both = format!("250 2.0.0 OK\r\n{late}");
    let server = ScriptedSmtp::start(SmtpScript::accepting().reply("end", both)).await;
    let provider = provider(&server, &[]);
    for sent in 1..=3 {
        assert_eq!(send_by(&provider).await, delivered(Some("2.0.0 OK")));
        assert_eq!(server.messages(), sent);
    }
}

/// After a refused message, the connection is reset before the next one.
#[rstest]
#[case("554 5.7.1 not here\r\n")]
#[case("550\r\n")]
#[case("421 4.7.0 too many errors\r\n")]
#[case("450 4.7.1 slow down\r\n")]
#[case("535 5.7.8 log in\r\n")]
#[case("220 2.0.0 hello\r\n")]
#[tokio::test]
async fn a_refusal_to_reset_the_connection_decides_about_no_message(#[case] reset: &str) {
    let script = SmtpScript::accepting()
        .reply("RSET", reset)
        .reply("RCPT", "550 5.1.1 no such user\r\n");
    let server = ScriptedSmtp::start(script).await;
    let provider = provider(&server, &[]);
    for _ in 0..2 {
        assert_eq!(send_by(&provider).await, rejected("550 5.1.1 no such user"));
    }
    assert!(server.commands().contains(&"RSET".to_owned()));
}

/// A server has not taken a message of which it has only seen `DATA`.
#[tokio::test]
async fn a_reply_that_precedes_the_message_does_not_accept_it() {
    let script = SmtpScript::accepting().reply("DATA", "354 go ahead\r\n250 2.0.0 taken\r\n");
    let (outcome, server) = send(script).await;
    assert!(
        matches!(&outcome, SendOutcome::Failed { error } if error.contains("replied to no command")),
        "{outcome:?}"
    );
    assert_eq!(server.messages(), 0);
    let script = SmtpScript::accepting().reply("DATA", "354 go ahead\r\n552 5.3.4 too large\r\n");
    let (outcome, _) = send(script).await;
    assert_eq!(outcome, rejected("552 5.3.4 too large"));
}

#[tokio::test]
async fn long_replies_are_clipped_at_every_stage() {
    let long = |code: &str| [code.as_bytes(), b" ", &b"x".repeat(20_000), b"\r\n"].concat();
    let mut script = SmtpScript::accepting();
    for (command, code) in [
        ("greeting", "220"),
        ("EHLO", "250"),
        ("MAIL", "250"),
        ("RCPT", "250"),
        ("DATA", "354"),
        ("end", "250"),
    ] {
        script = script.reply(command, long(code));
    }
    let (outcome, _) = send(script).await;
    assert!(
        matches!(outcome, SendOutcome::Delivered { .. }),
        "{outcome:?}"
    );
    let (outcome, _) = send(SmtpScript::accepting().reply("RCPT", long("550"))).await;
    assert!(
        matches!(outcome, SendOutcome::Rejected { .. }),
        "{outcome:?}"
    );
}

/// A message is complete and the reply is no reply: it may have arrived.
#[tokio::test]
async fn an_unreadable_reply_to_the_message_leaves_the_outcome_unknown() {
    for reply in ["HTTP/1.1 400 Bad Request\r\n", "OK\r\n", "2500\r\n"] {
        let (outcome, server) = send(SmtpScript::accepting().reply("end", reply)).await;
        assert!(
            matches!(outcome, SendOutcome::Unknown { .. }),
            "{outcome:?}"
        );
        assert_eq!(server.messages(), 1);
    }
}

#[tokio::test]
async fn the_reply_to_the_message_has_a_time_limit_of_its_own() {
    let script = SmtpScript::accepting().end_after(secs(3));
    let server = ScriptedSmtp::start(script).await;
    let outcome = send_with(&server, &[("SMTP_DATA_TIMEOUT_SECS", "1")]).await;
    assert!(
        matches!(&outcome, SendOutcome::Unknown { error } if error.contains("within 1s")),
        "{outcome:?}"
    );
    let outcome = send_with(&server, &[("SMTP_DATA_TIMEOUT_SECS", "60")]).await;
    assert_eq!(outcome, delivered(Some("2.0.0 OK")));
}

#[tokio::test]
async fn data_between_starttls_and_the_handshake_is_refused() {
    let script = SmtpScript::accepting()
        .reply("EHLO", "250-mail.example.com\r\n250 STARTTLS\r\n")
        .reply("STARTTLS", "220 go ahead\r\n250 inserted\r\n");
    let server = ScriptedSmtp::start(script).await;
    let outcome = send_with(&server, &[("SMTP_TLS", "starttls")]).await;
    assert!(
        matches!(&outcome, SendOutcome::Failed { error } if error.contains("unencrypted data")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn the_name_of_this_host_is_the_setting_or_has_a_dot_or_is_an_address() {
    let server = ScriptedSmtp::start(SmtpScript::accepting()).await;
    send_with(&server, &[("SMTP_HELO_NAME", "tidings.example.com")]).await;
    assert_eq!(server.commands()[0], "EHLO tidings.example.com");
    let server = ScriptedSmtp::start(SmtpScript::accepting()).await;
    send_with(&server, &[]).await;
    let commands = server.commands();
    let name = commands[0].strip_prefix("EHLO ").expect("EHLO");
    assert!(name.contains('.'), "{name}");
}

#[tokio::test]
async fn a_refusal_of_this_host_or_its_sender_does_not_reject_the_message() {
    for (reply, words) in [
        (
            "504 5.5.2 <vm>: Helo command rejected: need fully-qualified hostname\r\n",
            "SMTP_HELO_NAME): 504 5.5.2",
        ),
        (
            "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied\r\n",
            "the address of this host: 554 5.7.1",
        ),
        (
            "553 5.1.8 <tidings@example.com>: Sender address rejected\r\n",
            "SMTP_FROM): 553 5.1.8",
        ),
    ] {
        let (outcome, _) = send(SmtpScript::accepting().reply("RCPT", reply)).await;
        match outcome {
            SendOutcome::InstallationRefused { reason, error } => {
                assert!(reason.ends_with(words), "{reason}");
                assert_eq!(error, reply.trim_end());
            }
            other => panic!("{other:?}"),
        }
    }
}
