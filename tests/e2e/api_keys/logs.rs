//! Keys in the log.

use reqwest::Method;
use tidings_domain::access::ApiKey;
use tidings_tests::World;

use super::{KEYS, create};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_line_contains_a_key_wherever_a_request_has_it() {
    let world = World::with(&[("LOG_LEVEL", "debug")]).await;
    let mut api = world.api().await;
    let admin = api.client();
    let known = create(&admin, &["keys:write"]).await.text;
    let unknown = ApiKey::generate().expect("a key").expose();
    let refresh_token = "tdr_019a2f6e-5a7c-7cc3-98c4-dc0c0c07398f.17.c2VjcmV0LXNlY3JldA";
    for secret in [&*known, &unknown, refresh_token, &known[..60]] {
        for request in [
            admin
                .anonymous()
                .request(Method::GET, KEYS)
                .header("X-Api-Key", secret),
            admin.with_token(secret).request(Method::GET, KEYS),
            // An id that the client chooses is in every log line about its request.
            admin
                .request(Method::GET, &format!("{KEYS}/{secret}"))
                .header("X-Request-Id", secret),
            admin
                .anonymous()
                .request(Method::GET, KEYS)
                .header("X-Request-Id", secret),
        ] {
            let answer = admin.send(request).await;
            assert!([200, 400, 401].contains(&answer.status), "{}", answer.text);
        }
    }
    api.stop().await;
    let log = api.logs().lines().join("\n");
    for secret in [&known[15..], &unknown[15..], "c2VjcmV0", "019a2f6e-5a7c"] {
        assert!(!log.contains(secret), "{log}");
    }
    assert!(log.contains(r#""requestId":"tdk_***""#), "{log}");
    assert!(log.contains(r#""requestId":"tdr_***""#), "{log}");
    let refused = api.logs().with_message("API key refused");
    assert!(refused.iter().any(|line| line["keyId"] == unknown[4..14]));
}
