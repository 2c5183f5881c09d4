//! What follows from FCM's answers.

use rstest::rstest;

use super::*;

/// An error as FCM words it.
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
    json_answer(
        status,
        &json!({"error": {
            "code": status, "message": said, "status": rpc, "details": details,
        }}),
    )
}

async fn report_on(answer: ResponseTemplate) -> Report {
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
#[case(401, "UNAUTHENTICATED", Some("THIRD_PARTY_AUTH_ERROR"), "credentials")]
#[case(401, "UNAUTHENTICATED", None, "credentials")]
#[case(429, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"), "slow down")]
#[case(429, "RESOURCE_EXHAUSTED", None, "slow down")]
#[case(500, "INTERNAL", Some("INTERNAL"), "failed")]
#[case(503, "UNAVAILABLE", Some("UNAVAILABLE"), "failed")]
#[case(400, "UNSPECIFIED_ERROR", Some("UNSPECIFIED_ERROR"), "rejected")]
#[case(408, "DEADLINE_EXCEEDED", None, "failed")]
#[tokio::test]
async fn each_documented_error_has_its_outcome_and_its_words(
    #[case] status: u16,
    #[case] rpc: &str,
    #[case] code: Option<&str>,
    #[case] outcome: &str,
) {
    let report = report_on(refusal(status, rpc, code, "FCM's own words")).await;
    let (what, error) = in_short(&report);
    assert_eq!(what, outcome, "{error}");
    assert!(error.starts_with(&status.to_string()), "{error}");
    let words = format!(": {} FCM's own words", code.unwrap_or(rpc));
    assert!(error.ends_with(&words), "{error}");
}

#[rstest]
#[case(302, "failed")]
#[case(404, "credentials")]
#[case(502, "failed")]
#[tokio::test]
async fn an_answer_in_no_known_form_is_judged_by_its_status(
    #[case] status: u16,
    #[case] outcome: &str,
) {
    let answer = ResponseTemplate::new(status).set_body_string("<html>oh no</html>");
    let report = report_on(answer).await;
    let (what, error) = in_short(&report);
    assert_eq!(what, outcome);
    assert!(!error.contains("html"), "{error}");
}

#[tokio::test]
async fn a_success_that_cannot_be_understood_is_a_success() {
    let report = report_on(ResponseTemplate::new(200)).await;
    assert_eq!(report, Report::Delivered { reference: None });
}

#[tokio::test]
async fn patience_is_asked_for_as_long_as_the_answer_says_or_a_minute() {
    let busy = |status| refusal(status, "UNAVAILABLE", None, "later");
    let said = busy(429).insert_header("Retry-After", "5");
    assert_eq!(wait_of(&report_on(said).await), Some(5));
    assert_eq!(wait_of(&report_on(busy(429)).await), Some(60));
    let away = busy(503).insert_header("Retry-After", "7");
    assert_eq!(wait_of(&report_on(away).await), Some(7));
}

#[tokio::test]
async fn the_device_token_is_struck_out_of_the_words() {
    let said = format!("{DEVICE} is not a valid FCM registration token");
    let report = report_on(refusal(400, "INVALID_ARGUMENT", None, &said)).await;
    let (_, error) = in_short(&report);
    assert!(error.contains("*** is not a valid"), "{error}");
    assert!(!error.contains(DEVICE), "{error}");
}
