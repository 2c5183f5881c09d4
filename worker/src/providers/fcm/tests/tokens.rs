//! Requesting, caching and replacing access tokens.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rstest::rstest;
use secrecy::SecretString;
use url::form_urlencoded;

use super::*;

/// Refuses the token `ya29.1`.
fn first_token_revoked(request: &Request) -> ResponseTemplate {
    if header(request, "authorization") == "Bearer ya29.1" {
        return unauthenticated();
    }
    accepted()
}

fn unauthenticated() -> ResponseTemplate {
    let said = "Request had invalid authentication credentials.";
    json_response(
        401,
        &json!({"error": {"code": 401, "message": said, "status": "UNAUTHENTICATED"}}),
    )
}

#[tokio::test]
async fn a_token_is_requested_with_an_assertion_signed_by_the_account() {
    let server = google(tokens(3599), accepted()).await;
    fcm(&server, TIMEOUT).send(&message()).await;
    let asked = requests(&server, TOKEN).await;
    assert_eq!(asked.len(), 1);
    assert_eq!(
        header(&asked[0], "content-type"),
        "application/x-www-form-urlencoded"
    );
    let form: Vec<_> = form_urlencoded::parse(&asked[0].body).collect();
    assert_eq!(form.len(), 2);
    assert_eq!(form[0].0, "grant_type");
    assert_eq!(form[0].1, "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(form[1].0, "assertion");

    let token_uri = format!("{}{TOKEN}", server.uri());
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[&token_uri]);
    let key = DecodingKey::from_rsa_pem(PUBLIC_KEY.as_bytes()).expect("a key");
    let assertion = form[1].1.as_bytes();
    let jwt = jsonwebtoken::decode::<Value>(assertion, &key, &validation).expect("signed");
    assert_eq!(jwt.header.kid.as_deref(), Some("0123456789abcdef"));
    assert_eq!(jwt.header.typ.as_deref(), Some("JWT"));
    let issued = jwt.claims["iat"].as_i64().expect("a time");
    assert!((Timestamp::now().as_second() - issued).abs() < 60);
    let expected = json!({
        "iss": "push@demo-project.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": token_uri,
        "iat": issued,
        "exp": issued + 3600,
    });
    assert_eq!(jwt.claims, expected);
}

#[tokio::test]
async fn one_token_serves_many_messages() {
    let server = google(tokens(3599), accepted()).await;
    let fcm = fcm(&server, TIMEOUT);
    for _ in 0..5 {
        assert_eq!(summary(&fcm.send(&message()).await).0, "delivered");
    }
    assert_eq!(counts(&server).await, (1, 5));
}

#[tokio::test]
async fn concurrent_first_messages_request_one_token() {
    let server = google(tokens(3599), accepted()).await;
    let fcm = Arc::new(fcm(&server, TIMEOUT));
    let outcomes = send_many(&fcm, 20).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| summary(outcome).0 == "delivered")
    );
    assert_eq!(counts(&server).await, (1, 20));
}

#[tokio::test]
async fn a_token_that_is_about_to_expire_is_used_once() {
    let server = google(tokens(30), accepted()).await;
    let fcm = fcm(&server, TIMEOUT);
    for _ in 0..2 {
        assert_eq!(summary(&fcm.send(&message()).await).0, "delivered");
    }
    let sent = requests(&server, SEND).await;
    let bearers: Vec<_> = sent.iter().map(|r| header(r, "authorization")).collect();
    assert_eq!(bearers, ["Bearer ya29.1", "Bearer ya29.2"]);
}

#[tokio::test]
async fn a_token_that_was_revoked_is_replaced_once_for_all_messages() {
    let server = google(tokens(3599), first_token_revoked).await;
    let fcm = Arc::new(fcm(&server, TIMEOUT));
    let outcomes = send_many(&fcm, 10).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| summary(outcome).0 == "delivered")
    );
    assert_eq!(counts(&server).await, (2, 20));
}

#[tokio::test]
async fn a_new_token_that_is_refused_too_means_wrong_credentials() {
    let server = google(tokens(3599), unauthenticated()).await;
    let outcome = fcm(&server, TIMEOUT).send(&message()).await;
    assert_eq!(summary(&outcome).0, "credentials");
    assert_eq!(counts(&server).await, (2, 2));
}

#[tokio::test]
async fn a_third_party_refusal_keeps_the_token() {
    let third_party = json_response(
        401,
        &json!({"error": {
            "code": 401,
            "message": "Auth error from APNS or Web Push Service",
            "status": "UNAUTHENTICATED",
            "details": [{
                "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError",
                "errorCode": "THIRD_PARTY_AUTH_ERROR",
            }],
        }}),
    );
    let server = google(tokens(3599), third_party).await;
    let outcome = fcm(&server, TIMEOUT).send(&message()).await;
    assert_eq!(summary(&outcome).0, "refused for now");
    assert_eq!(counts(&server).await, (1, 1));
}

#[rstest]
#[case(400, "invalid_grant", "credentials")]
#[case(401, "invalid_client", "credentials")]
#[case(403, "access_denied", "credentials")]
#[case(400, "internal_failure", "failed")]
#[case(429, "rate_limit", "throttled")]
#[case(500, "server_error", "failed")]
#[case(503, "", "failed")]
#[tokio::test]
async fn without_a_token_nothing_is_sent(
    #[case] status: u16,
    #[case] error: &str,
    #[case] expected: &str,
) {
    let body = json!({"error": error, "error_description": "Invalid JWT Signature."});
    let server = google(json_response(status, &body), accepted()).await;
    let fcm = Arc::new(fcm(&server, TIMEOUT));
    for outcome in send_many(&fcm, 5).await {
        let (what, said) = summary(&outcome);
        assert_eq!(what, expected, "{said}");
        assert!(
            said.starts_with(&format!("access token: {status}")),
            "{said}"
        );
        assert!(said.ends_with("Invalid JWT Signature."), "{said}");
    }
    // The waiting sends share one failure; a later send requests again.
    assert_eq!(counts(&server).await, (1, 0));
    fcm.send(&message()).await;
    assert_eq!(counts(&server).await, (2, 0));
}

#[tokio::test]
async fn a_response_without_a_token_is_a_failure() {
    let server = google(json_response(200, &json!({"id_token": "x"})), accepted()).await;
    let outcome = fcm(&server, TIMEOUT).send(&message()).await;
    let (what, error) = summary(&outcome);
    assert_eq!(what, "failed");
    assert!(error.starts_with("access token: "), "{error}");
}

#[tokio::test]
async fn a_token_that_never_arrives_is_a_failure_because_nothing_was_sent() {
    let never = ResponseTemplate::new(200).set_delay(Duration::from_hours(1));
    let server = google(never, accepted()).await;
    let fcm = Arc::new(fcm(&server, SHORT_TIMEOUT));
    for outcome in send_many(&fcm, 5).await {
        let (what, error) = summary(&outcome);
        assert_eq!(what, "failed", "{error}");
        assert!(error.starts_with("access token: "), "{error}");
    }
    assert_eq!(requests(&server, SEND).await.len(), 0);
}

#[tokio::test]
async fn debug_output_hides_the_access_token() {
    let server = google(tokens(3599), accepted()).await;
    let fcm = fcm(&server, TIMEOUT);
    let deadline = Instant::now() + TIMEOUT;
    let token = fcm.tokens.get(deadline, None).await.expect("a token");
    let secret: &SecretString = token.secret();
    assert_eq!(secret.expose_secret(), "ya29.1");
    assert!(!format!("{token:?}").contains("ya29"));
}
