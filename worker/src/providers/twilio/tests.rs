use rstest::rstest;
use serde_json::json;
use tidings_domain::content::Sms;
use wiremock::{MockServer, ResponseTemplate};

use super::super::test_server::{
    SHORT_TIMEOUT, TIMEOUT, base_url, header, id, json_response, only_request, retry_after_of,
    server_with_response, summary, unreachable_url, unresponsive_server,
};
use super::*;

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const TOKEN: &str = "token-of-the-tests";

fn settings(base_url: BaseUrl) -> TwilioSettings {
    TwilioSettings {
        account_sid: ACCOUNT.to_owned(),
        auth_token: TOKEN.into(),
        sender: TwilioSender::From("+15005550006".to_owned()),
        base_url,
    }
}

fn twilio(server: &MockServer) -> Twilio {
    Twilio::new(settings(base_url(server)), TIMEOUT).expect("a client")
}

fn message() -> SmsMessage {
    SmsMessage {
        id: id(),
        to: "+4915112345678".parse().expect("right"),
        sms: Sms {
            to: None,
            text: "Ihr Code: 1 & 2 = ünf".to_owned(),
        },
    }
}

async fn outcome_of(answer: ResponseTemplate) -> SendOutcome {
    let server = server_with_response(answer).await;
    twilio(&server).send(&message()).await
}

#[tokio::test]
async fn a_text_message_is_one_form_with_basic_authentication() {
    let sid = "SM0123456789abcdef0123456789abcdef";
    let created = json!({"sid": sid, "status": "queued", "error_code": null});
    let server = server_with_response(json_response(201, &created)).await;
    let outcome = twilio(&server).send(&message()).await;
    assert_eq!(summary(&outcome), ("delivered", sid));

    let request = only_request(&server).await;
    assert_eq!(request.method.as_str(), "POST");
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
    assert_eq!(request.url.path(), path);
    assert_eq!(request.url.query(), None);
    assert_eq!(
        header(&request, "content-type"),
        "application/x-www-form-urlencoded"
    );
    // base64 of "AC0123456789abcdef0123456789abcdef:token-of-the-tests".
    assert_eq!(
        header(&request, "authorization"),
        "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjp0b2tlbi1vZi10aGUtdGVzdHM="
    );
    assert_eq!(
        String::from_utf8_lossy(&request.body),
        "To=%2B4915112345678&From=%2B15005550006&Body=Ihr+Code%3A+1+%26+2+%3D+%C3%BCnf"
    );
}

#[tokio::test]
async fn a_messaging_service_is_named_by_its_sid() {
    let server = server_with_response(ResponseTemplate::new(201)).await;
    let mut settings = settings(base_url(&server));
    settings.sender = TwilioSender::Service("MG0123456789abcdef0123456789abcdef".to_owned());
    let twilio = Twilio::new(settings, TIMEOUT).expect("a client");
    // A success with an invalid body is still a success.
    assert_eq!(
        twilio.send(&message()).await,
        SendOutcome::Delivered { reference: None }
    );
    let request = only_request(&server).await;
    assert_eq!(
        String::from_utf8_lossy(&request.body),
        "To=%2B4915112345678&MessagingServiceSid=MG0123456789abcdef0123456789abcdef&Body=Ihr+Code%3A+1+%26+2+%3D+%C3%BCnf"
    );
}

#[rstest]
// The message.
#[case(400, 21211, "Invalid 'To' Phone Number", "rejected")]
#[case(
    400,
    21408,
    "Permission to send an SMS has not been enabled for the region",
    "rejected"
)]
#[case(
    403,
    21408,
    "Permission to send an SMS has not been enabled for the region",
    "rejected"
)]
#[case(
    400,
    21602,
    "Message body is required to send an SMS message",
    "rejected"
)]
#[case(
    400,
    21608,
    "The number is unverified. Trial accounts cannot send to it",
    "rejected"
)]
#[case(400, 21610, "Attempt to send to unsubscribed recipient", "opted out")]
#[case(
    400,
    21612,
    "Message cannot be sent with the current combination of 'To' and 'From'",
    "rejected"
)]
#[case(400, 21614, "'To' number is not a valid mobile number", "rejected")]
#[case(
    400,
    21617,
    "The concatenated message body exceeds the 1600 character limit",
    "rejected"
)]
#[case(
    400,
    21703,
    "The Messaging Service does not have a phone number available",
    "rejected"
)]
#[case(400, 99999, "A code that nobody knows yet", "rejected")]
// The account.
#[case(401, 20003, "Authenticate", "credentials")]
#[case(401, 20404, "The requested resource was not found", "credentials")]
#[case(403, 20003, "Permission Denied", "credentials")]
#[case(403, 20005, "Account not active", "credentials")]
#[case(403, 20006, "Access Denied", "credentials")]
#[case(
    404,
    20404,
    "The requested resource /Messages.json was not found",
    "credentials"
)]
#[case(400, 10001, "Account is not active", "credentials")]
#[case(
    400,
    21212,
    "The 'From' number is not a valid phone number",
    "credentials"
)]
#[case(
    400,
    21606,
    "The From phone number is not a valid, SMS-capable number for your account",
    "credentials"
)]
#[case(400, 21659, "'From' is not a Twilio phone number", "credentials")]
#[case(
    400,
    21660,
    "Mismatch between the 'From' number and the account",
    "credentials"
)]
#[case(400, 21661, "'From' number is not SMS-capable", "credentials")]
#[case(
    404,
    21701,
    "The Messaging Service resource does not exist",
    "credentials"
)]
#[case(400, 30002, "Account suspended", "credentials")]
// The rate.
#[case(429, 20429, "Too Many Requests", "throttled")]
#[case(429, 63038, "Account exceeded the daily messages limit", "throttled")]
#[case(
    400,
    21611,
    "This 'From' number has exceeded the maximum number of queued messages",
    "throttled"
)]
// Twilio.
#[case(400, 21730, "System under maintenance", "failed")]
#[case(408, 20408, "Request Timeout", "failed")]
#[case(500, 20500, "Internal Server Error", "failed")]
#[case(503, 20503, "Service unavailable", "failed")]
#[tokio::test]
async fn each_documented_error_has_its_outcome_and_its_text(
    #[case] status: u16,
    #[case] code: u32,
    #[case] said: &str,
    #[case] expected: &str,
) {
    let more_info = format!("https://www.twilio.com/docs/errors/{code}");
    let body = json!({"code": code, "message": said, "more_info": more_info, "status": status});
    let outcome = outcome_of(json_response(status, &body)).await;
    let (what, error) = summary(&outcome);
    assert_eq!(what, expected, "{error}");
    assert!(error.starts_with(&status.to_string()), "{error}");
    assert!(
        error.ends_with(&format!("{code} {said} ({more_info})")),
        "{error}"
    );
}

#[rstest]
#[case(302, "failed")]
#[case(400, "rejected")]
#[case(403, "credentials")]
#[case(404, "credentials")]
#[case(429, "throttled")]
#[case(502, "failed")]
#[tokio::test]
async fn a_response_of_unknown_form_is_judged_by_its_status(
    #[case] status: u16,
    #[case] expected: &str,
) {
    let answer = ResponseTemplate::new(status).set_body_string("<html>oh no</html>");
    let outcome = outcome_of(answer).await;
    let (what, error) = summary(&outcome);
    assert_eq!(what, expected);
    assert!(!error.contains("html"), "{error}");
}

#[tokio::test]
async fn the_pause_is_retry_after() {
    let busy = || json_response(429, &json!({"code": 20429, "message": "Too Many Requests"}));
    assert_eq!(retry_after_of(&outcome_of(busy()).await), None);
    let two = busy().insert_header("Retry-After", "2");
    assert_eq!(retry_after_of(&outcome_of(two).await), Some(2));
}

#[tokio::test]
async fn the_number_is_redacted() {
    let said = "The 'To' number +4915112345678 (4915112345678) is not a valid phone number.";
    let body = json!({"code": 21211, "message": said, "status": 400});
    let outcome = outcome_of(json_response(400, &body)).await;
    assert_eq!(
        summary(&outcome).1,
        "400 Bad Request: 21211 The 'To' number *** (***) is not a valid phone number."
    );
}

#[tokio::test]
async fn no_response_to_a_written_request_is_unknown() {
    let server = unresponsive_server().await;
    let twilio = Twilio::new(settings(base_url(&server)), SHORT_TIMEOUT).expect("a client");
    let outcome = twilio.send(&message()).await;
    let (what, error) = summary(&outcome);
    assert_eq!(what, "unknown", "{error}");
    assert!(!error.contains(ACCOUNT), "{error}");
}

#[tokio::test]
async fn a_connection_that_is_refused_is_a_failure() {
    let twilio = Twilio::new(settings(unreachable_url()), TIMEOUT).expect("a client");
    let outcome = twilio.send(&message()).await;
    let (what, error) = summary(&outcome);
    assert_eq!(what, "failed", "{error}");
    assert!(!error.contains(ACCOUNT), "{error}");
}

#[test]
fn debug_output_hides_token_and_numbers() {
    let shown = format!("{:?} {:?}", settings(unreachable_url()), message());
    for hidden in [TOKEN, "5005550006", "15112345678"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

fn read(vars: &[(&str, &str)]) -> Result<TwilioSettings, String> {
    let vars = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut reader = Reader::from_vars(vars);
    let settings = TwilioSettings::read(&mut reader);
    reader.finish(settings).map_err(|found| found.to_string())
}

#[rstest]
#[case("+15005550006", TwilioSender::From("+15005550006".to_owned()))]
#[case("MyBrand", TwilioSender::From("MyBrand".to_owned()))]
#[case("A&B 24-7", TwilioSender::From("A&B 24-7".to_owned()))]
#[case("70123", TwilioSender::From("70123".to_owned()))]
#[case("MG0123456789abcdef0123456789abcdef", TwilioSender::Service("MG0123456789abcdef0123456789abcdef".to_owned()))]
fn the_sender_is_a_number_a_name_or_a_messaging_service(
    #[case] text: &str,
    #[case] sender: TwilioSender,
) {
    let settings = read(&[
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_AUTH_TOKEN", TOKEN),
        ("TWILIO_FROM_NUMBER", text),
    ]);
    assert_eq!(settings.expect("enough").sender, sender);
}

#[test]
fn all_mistakes_in_the_settings_are_reported_without_secrets() {
    let nothing = read(&[]).expect_err("three are missing");
    assert!(nothing.starts_with("3 wrong"), "{nothing}");
    let wrong = read(&[
        ("TWILIO_ACCOUNT_SID", TOKEN),
        ("TWILIO_FROM_NUMBER", "15005550006"),
        ("TWILIO_BASE_URL", "twilio"),
    ]);
    let wrong = wrong.expect_err("four are wrong");
    assert!(wrong.starts_with("4 wrong"), "{wrong}");
    for name in [
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "TWILIO_FROM_NUMBER",
        "TWILIO_BASE_URL",
    ] {
        assert!(wrong.contains(name), "{wrong}");
    }
    assert!(!wrong.contains(TOKEN), "{wrong}");
}
