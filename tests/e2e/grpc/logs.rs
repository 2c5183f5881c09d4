//! Each call has one line in the log, and counts.

use tidings_proto::tidings_v1::SendRequest;
use tidings_tests::{World, eventually, secs, tokens};
use tonic::Code;

use super::messages::message;
use super::{GrpcApi, authorized, code_of};

#[tokio::test]
async fn each_call_has_one_log_line_with_its_request_id() {
    let world = World::new().await;
    let mut api = GrpcApi::start(&world, &[]).await;
    for (name, body, status, code) in [
        ("r-valid", world.in_app(), "OK", None),
        (
            "r-empty",
            serde_json::json!({}),
            "INVALID_ARGUMENT",
            Some("missing_fields"),
        ),
    ] {
        let mut request = authorized(SendRequest {
            notification: Some(message(&body, None)),
        });
        let id = name.parse().expect("ASCII");
        request.metadata_mut().insert("x-request-id", id);
        match api.client.send(request).await {
            Ok(response) => {
                let id = response.metadata().get("x-request-id").expect("an id");
                assert_eq!((id.to_str().ok(), code), (Some(name), None));
            }
            Err(error) => {
                assert_eq!(error.code(), Code::InvalidArgument);
                assert_eq!(code_of(&error), code.expect("a code"));
                let id = error.metadata().get("x-request-id").expect("an id");
                assert_eq!(id, name);
            }
        }
        let lines = || {
            let mut entries = api.program.logs().entries();
            entries.retain(|entry| entry["requestId"] == name && entry["grpcStatus"].is_string());
            entries
        };
        eventually(secs(10), "the call is logged", async || !lines().is_empty()).await;
        let [line] = &lines()[..] else {
            panic!("{:?}", lines())
        };
        assert_eq!(line["method"], "tidings.v1.Notifications/Send");
        assert_eq!(line["grpcStatus"], status);
        assert_eq!(line["code"].as_str(), code);
        assert_eq!(line["caller"], tokens::SERVICE);
        assert!(line["durationMs"].as_f64().is_some_and(|ms| ms > 0.0));
    }
    let metrics = api.program.metrics().await;
    let labels = [
        r#"method="tidings.v1.Notifications/Send""#,
        r#"code="INVALID_ARGUMENT""#,
    ];
    assert_eq!(metrics.sum("tidings_grpc_requests_total", &labels), 1);
}
