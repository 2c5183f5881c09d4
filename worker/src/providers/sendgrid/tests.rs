use rstest::rstest;
use serde_json::{Value, json};
use tidings_domain::content::Email;
use wiremock::{MockServer, ResponseTemplate};

use super::super::test_server::{
    SHORT_TIMEOUT, TIMEOUT, base_url, header, id, in_seconds, json_response, only_request,
    retry_after_of, server_with_response, summary, unreachable_url, unresponsive_server,
};
use super::*;

const KEY: &str = "SG.key-of-the-tests";

fn settings(base_url: BaseUrl) -> SendgridSettings {
    SendgridSettings {
        api_key: KEY.into(),
        base_url,
        sender: "Tidings <tidings@exämple.com>".parse().expect("right"),
    }
}

fn sendgrid(server: &MockServer) -> Sendgrid {
    Sendgrid::new(settings(base_url(server)), TIMEOUT).expect("a client")
}

fn plain() -> EmailMessage {
    EmailMessage {
        id: id(),
        to: "anna@example.com".parse().expect("right"),
        email: Email {
            to: None,
            subject: "Hello".to_owned(),
            text: "Hello, Anna".to_owned(),
            html: None,
            from: None,
            reply_to: None,
            unsubscribe_url: None,
        },
    }
}

fn with_everything() -> EmailMessage {
    let mut message = plain();
    message.email.html = Some("<p>Hello, Anna</p>".to_owned());
    message.email.from = Some("Shop <shop@example.org>".parse().expect("right"));
    message.email.reply_to = Some("help@example.org".parse().expect("right"));
    message.email.unsubscribe_url = Some("https://example.org/u?id=1".parse().expect("right"));
    message
}

async fn body_of(message: &EmailMessage) -> Value {
    let server = server_with_response(ResponseTemplate::new(202)).await;
    sendgrid(&server).send(message).await;
    let request = only_request(&server).await;
    serde_json::from_slice(&request.body).expect("JSON")
}

async fn outcome_of(answer: ResponseTemplate, message: &EmailMessage) -> SendOutcome {
    let server = server_with_response(answer).await;
    sendgrid(&server).send(message).await
}

#[tokio::test]
async fn an_email_is_one_post_with_the_key_as_bearer() {
    let answer = ResponseTemplate::new(202).insert_header("X-Message-Id", "14c5d75ce93");
    let server = server_with_response(answer).await;
    let outcome = sendgrid(&server).send(&plain()).await;
    assert_eq!(summary(&outcome), ("delivered", "14c5d75ce93"));

    let request = only_request(&server).await;
    assert_eq!(request.method.as_str(), "POST");
    assert_eq!(request.url.path(), "/v3/mail/send");
    assert_eq!(request.url.query(), None);
    assert_eq!(header(&request, "authorization"), format!("Bearer {KEY}"));
    assert_eq!(header(&request, "content-type"), "application/json");
    assert!(header(&request, "user-agent").starts_with("Tidings/"));
}

#[tokio::test]
async fn a_plain_email_has_the_default_sender() {
    let expected = json!({
        "personalizations": [{"to": [{"email": "anna@example.com"}]}],
        "from": {"email": "tidings@xn--exmple-cua.com", "name": "Tidings"},
        "subject": "Hello",
        "content": [{"type": "text/plain", "value": "Hello, Anna"}],
        "headers": {"Message-ID": "<0192f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506@xn--exmple-cua.com>"},
        "custom_args": {"messageId": "0192f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506"},
    });
    assert_eq!(body_of(&plain()).await, expected);
}

#[tokio::test]
async fn all_fields_of_an_email_are_sent() {
    let expected = json!({
        "personalizations": [{"to": [{"email": "anna@example.com"}]}],
        "from": {"email": "shop@example.org", "name": "Shop"},
        "reply_to": {"email": "help@example.org"},
        "subject": "Hello",
        "content": [
            {"type": "text/plain", "value": "Hello, Anna"},
            {"type": "text/html", "value": "<p>Hello, Anna</p>"},
        ],
        "headers": {
            "Message-ID": "<0192f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506@example.org>",
            "List-Unsubscribe": "<https://example.org/u?id=1>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "custom_args": {"messageId": "0192f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506"},
    });
    assert_eq!(body_of(&with_everything()).await, expected);
}

#[tokio::test]
async fn an_empty_html_part_is_left_out() {
    let mut message = plain();
    message.email.html = Some(String::new());
    let body = body_of(&message).await;
    assert_eq!(body["content"].as_array().map(Vec::len), Some(1));
}

#[rstest]
#[case(
    400,
    "Does not contain a valid address.",
    "personalizations.0.to.0.email",
    "rejected"
)]
#[case(400, "The subject is required.", "subject", "rejected")]
#[case(
    401,
    "The provided authorization grant is invalid, expired, or revoked",
    "",
    "credentials"
)]
#[case(401, "Maximum credits exceeded", "", "credentials")]
#[case(403, "access forbidden", "", "credentials")]
#[case(
    403,
    "The from address does not match a verified Sender Identity.",
    "from",
    "credentials"
)]
#[case(404, "not found", "", "credentials")]
#[case(405, "method not allowed", "", "credentials")]
#[case(408, "request timeout", "", "failed")]
#[case(
    413,
    "The JSON payload you have included is too large.",
    "",
    "rejected"
)]
#[case(415, "unsupported media type", "", "rejected")]
#[case(429, "too many requests", "", "throttled")]
#[case(500, "internal server error", "", "failed")]
#[case(503, "service not available", "", "failed")]
#[tokio::test]
async fn each_documented_error_has_its_outcome_and_its_text(
    #[case] status: u16,
    #[case] said: &str,
    #[case] field: &str,
    #[case] expected: &str,
) {
    let field = (!field.is_empty()).then_some(field);
    let body = json!({"errors": [{"message": said, "field": field, "help": null}]});
    let outcome = outcome_of(json_response(status, &body), &plain()).await;
    let (what, error) = summary(&outcome);
    assert_eq!(what, expected, "{error}");
    assert!(error.starts_with(&status.to_string()), "{error}");
    assert!(
        error.contains(said) && error.contains(field.unwrap_or("")),
        "{error}"
    );
}

#[tokio::test]
async fn an_unverified_sender_in_the_payload_affects_only_that_email() {
    let body = json!({"errors": [{
        "message": "The from address does not match a verified Sender Identity.",
        "field": "from",
        "help": null,
    }]});
    let outcome = outcome_of(json_response(403, &body), &with_everything()).await;
    assert_eq!(summary(&outcome).0, "rejected");
}

#[rstest]
#[case(302, "failed")]
#[case(400, "rejected")]
#[case(502, "failed")]
#[tokio::test]
async fn a_response_of_unknown_form_is_judged_by_its_status(
    #[case] status: u16,
    #[case] expected: &str,
) {
    let answer = ResponseTemplate::new(status).set_body_string("<html>oh no</html>");
    let outcome = outcome_of(answer, &plain()).await;
    let (what, error) = summary(&outcome);
    assert_eq!(what, expected);
    assert!(!error.contains("html"), "{error}");
}

#[tokio::test]
async fn a_success_without_a_reference_is_a_success() {
    let outcome = outcome_of(ResponseTemplate::new(202), &plain()).await;
    assert_eq!(outcome, SendOutcome::Delivered { reference: None });
}

#[tokio::test]
async fn the_pause_of_too_many_requests_is_the_reset_time() {
    let busy = || json_response(429, &json!({"errors": [{"message": "too many requests"}]}));
    let reset = busy().insert_header("X-RateLimit-Reset", in_seconds(30));
    let wait = retry_after_of(&outcome_of(reset, &plain()).await);
    assert!(matches!(wait, Some(20..=30)), "{wait:?}");

    let past = busy().insert_header("X-RateLimit-Reset", "1392815263");
    assert_eq!(retry_after_of(&outcome_of(past, &plain()).await), Some(0));

    let standard = busy().insert_header("Retry-After", "7");
    assert_eq!(
        retry_after_of(&outcome_of(standard, &plain()).await),
        Some(7)
    );

    assert_eq!(retry_after_of(&outcome_of(busy(), &plain()).await), None);
}

#[tokio::test]
async fn the_address_is_redacted() {
    let body = json!({"errors": [{"message": "anna@example.com is not an address"}]});
    let outcome = outcome_of(json_response(400, &body), &plain()).await;
    assert_eq!(
        summary(&outcome).1,
        "400 Bad Request: *** is not an address"
    );
}

#[tokio::test]
async fn no_response_to_a_written_request_is_unknown() {
    let server = unresponsive_server().await;
    let sendgrid = Sendgrid::new(settings(base_url(&server)), SHORT_TIMEOUT).expect("a client");
    let outcome = sendgrid.send(&plain()).await;
    let (what, error) = summary(&outcome);
    assert_eq!(what, "unknown", "{error}");
    assert!(!error.contains("127.0.0.1"), "{error}");
}

#[tokio::test]
async fn a_connection_that_is_refused_is_a_failure() {
    let sendgrid = Sendgrid::new(settings(unreachable_url()), TIMEOUT).expect("a client");
    assert_eq!(summary(&sendgrid.send(&plain()).await).0, "failed");
}

#[test]
fn debug_output_hides_key_and_addresses() {
    let shown = format!("{:?} {:?}", settings(unreachable_url()), with_everything());
    for hidden in [KEY, "anna@", "tidings@", "shop@", "help@"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

fn read(vars: &[(&str, &str)]) -> Result<SendgridSettings, Vec<&'static str>> {
    let vars = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut reader = Reader::from_vars(vars);
    let settings = SendgridSettings::read(&mut reader);
    let names = |problems: tidings_settings::SettingProblems| {
        problems.0.iter().map(|problem| problem.name).collect()
    };
    reader.finish(settings).map_err(names)
}

#[test]
fn a_key_and_a_sender_are_enough() {
    let vars = [
        ("SENDGRID_API_KEY", KEY),
        ("SMTP_FROM", "Tidings <tidings@example.com>"),
    ];
    let settings = read(&vars).expect("enough");
    let url = settings.base_url.join(&["v3"]);
    assert_eq!(url.as_str(), "https://api.sendgrid.com/v3");
}

#[test]
fn all_mistakes_in_the_settings_are_reported() {
    let nothing = read(&[]).expect_err("two are missing");
    assert_eq!(nothing, ["SENDGRID_API_KEY", "SMTP_FROM"]);
    let wrong = [
        ("SENDGRID_API_KEY", "SG.two words"),
        ("SMTP_FROM", "nobody"),
        ("SENDGRID_BASE_URL", "sendgrid"),
    ];
    let wrong = read(&wrong).expect_err("three are wrong");
    assert_eq!(
        wrong,
        ["SENDGRID_API_KEY", "SENDGRID_BASE_URL", "SMTP_FROM"]
    );
}
