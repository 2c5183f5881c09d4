//! The outcomes of FCM's responses.

use rstest::rstest;

use super::*;

/// An error response of FCM.
fn refusal(status: u16, rpc: &str, code: Option<&str>, said: &str) -> ResponseTemplate {
    let fcm_error = |code| {
        json!({
            "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError",
            "errorCode": code,
        })
    };
    let violation = json!({
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": "message.token", "description": said}],
    });
    let details: Vec<_> = std::iter::once(violation)
        .chain(code.map(fcm_error))
        .collect();
    json_response(
        status,
        &json!({"error": {
            "code": status, "message": said, "status": rpc, "details": details,
        }}),
    )
}

async fn outcome_of(answer: ResponseTemplate) -> SendOutcome {
    let server = google(tokens(3599), answer).await;
    fcm(&server, TIMEOUT).send(&message()).await
}

#[rstest]
#[case(400, "INVALID_ARGUMENT", Some("INVALID_ARGUMENT"), "rejected")]
#[case(400, "INVALID_ARGUMENT", None, "rejected")]
#[case(404, "NOT_FOUND", Some("UNREGISTERED"), "gone")]
#[case(404, "NOT_FOUND", None, "credentials")]
#[case(403, "PERMISSION_DENIED", Some("SENDER_ID_MISMATCH"), "rejected")]
#[case(403, "PERMISSION_DENIED", None, "credentials")]
#[case(
    401,
    "UNAUTHENTICATED",
    Some("THIRD_PARTY_AUTH_ERROR"),
    "refused for now"
)]
#[case(401, "UNAUTHENTICATED", None, "credentials")]
#[case(429, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"), "throttled")]
#[case(429, "RESOURCE_EXHAUSTED", None, "throttled")]
#[case(
    429,
    "RESOURCE_EXHAUSTED",
    Some("DEVICE_MESSAGE_RATE_EXCEEDED"),
    "refused for now"
)]
#[case(500, "INTERNAL", Some("INTERNAL"), "failed")]
#[case(503, "UNAVAILABLE", Some("UNAVAILABLE"), "failed")]
#[case(400, "UNSPECIFIED_ERROR", Some("UNSPECIFIED_ERROR"), "rejected")]
#[case(408, "DEADLINE_EXCEEDED", None, "failed")]
#[tokio::test]
async fn each_documented_error_has_its_outcome_and_its_text(
    #[case] status: u16,
    #[case] rpc: &str,
    #[case] code: Option<&str>,
    #[case] expected: &str,
) {
    let outcome = outcome_of(refusal(status, rpc, code, "FCM's own words")).await;
    let (what, error) = summary(&outcome);
    assert_eq!(what, expected, "{error}");
    assert!(error.starts_with(&status.to_string()), "{error}");
    let words = format!(": {} FCM's own words", code.unwrap_or(rpc));
    assert!(error.ends_with(&words), "{error}");
}

#[rstest]
#[case(302, "failed")]
#[case(404, "credentials")]
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
async fn a_success_with_an_invalid_body_is_a_success() {
    let outcome = outcome_of(ResponseTemplate::new(200)).await;
    assert_eq!(outcome, SendOutcome::Delivered { reference: None });
}

#[tokio::test]
async fn the_pause_is_retry_after_or_a_minute() {
    let busy = |status| refusal(status, "UNAVAILABLE", None, "later");
    let said = busy(429).insert_header("Retry-After", "5");
    assert_eq!(retry_after_of(&outcome_of(said).await), Some(5));
    assert_eq!(retry_after_of(&outcome_of(busy(429)).await), Some(60));
    let away = busy(503).insert_header("Retry-After", "7");
    assert_eq!(retry_after_of(&outcome_of(away).await), Some(7));
}

#[rstest]
#[case("Device message rate exceeded", "", "", "refused for now")]
#[case("Quota exceeded", "device", "too many messages", "refused for now")]
#[case(
    "Quota exceeded",
    "",
    "Device message rate exceeded",
    "refused for now"
)]
#[case(
    "Quota exceeded",
    "project:my-project",
    "DEVICE_MESSAGE_RATE_EXCEEDED",
    "refused for now"
)]
#[case("Message rate exceeded", "", "", "throttled")]
#[case(
    "Quota exceeded",
    "project:my-devices",
    "Sends per minute",
    "throttled"
)]
#[case("Quota exceeded for consumer 'project:device'", "", "", "throttled")]
#[tokio::test]
async fn the_quota_of_one_device_does_not_affect_the_others(
    #[case] said: &str,
    #[case] subject: &str,
    #[case] description: &str,
    #[case] expected: &str,
) {
    let answer = json_response(
        429,
        &json!({"error": {
            "code": 429, "message": said, "status": "RESOURCE_EXHAUSTED", "details": [{
                "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                "violations": [{"subject": subject, "description": description}],
            }, {
                "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError",
                "errorCode": "QUOTA_EXCEEDED",
            }],
        }}),
    );
    assert_eq!(summary(&outcome_of(answer).await).0, expected);
}

#[tokio::test]
async fn the_device_token_is_redacted() {
    let said = format!("{DEVICE} is not a valid FCM registration token");
    let outcome = outcome_of(refusal(400, "INVALID_ARGUMENT", None, &said)).await;
    let (_, error) = summary(&outcome);
    assert!(error.contains("*** is not a valid"), "{error}");
    assert!(!error.contains(DEVICE), "{error}");
}
