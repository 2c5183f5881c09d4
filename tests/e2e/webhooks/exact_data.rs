//! The data of a webhook arrives as it was posted.

use tidings_tests::{MockHttpServer, Response, secs};

use super::world;

/// Every number keeps its digits, and an object with a private key of the JSON library remains an object.
#[tokio::test]
async fn numbers_keep_their_digits_and_strange_keys_have_no_meaning() {
    let world = world(&[]).await;
    let receiver = MockHttpServer::start(|_| Response::status(200)).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    // In the order and with the spaces of the table, without the spaces.
    let data = r#"{"big":18446744073709551616,"key":{"$serde_json::private::RawValue":"[1,2]"},"keys":[{"$serde_json::private::Number":"7"}],"long":123456789012345678901234567890,"price":10.10}"#;
    let body = format!(
        r#"{{"targetUserId":"{}","type":"webhook","payload":{{"to":"{}","event":"e","data":{data}}}}}"#,
        world.user,
        receiver.url("/hooks")
    );
    let answer = api.client().post_raw("application/json", body).await;
    let _ = answer.accepted();
    receiver.until_received(secs(20), 1).await;
    let body = String::from_utf8_lossy(&receiver.requests()[0].body).into_owned();
    assert!(body.ends_with(&format!(r#","data":{data}}}"#)), "{body}");
}
