//! The status of a batch of which nothing is accepted.

use serde_json::json;
use tidings_proto::tidings_v1::SendBatchRequest;
use tidings_proto::tidings_v1::notifications_client::NotificationsClient;
use tidings_proto::tidings_v1::send_result::Result as Outcome;
use tidings_tests::{Program, ProgramKind, World, eventually, secs};
use tonic::Code;
use tonic_types::StatusExt;

use super::messages::message;
use super::{SETTINGS, authorized, channel, code_of};

/// No program listens on port 1.
const AWAY: [(&str, &str); 2] = [
    ("RABBITMQ_URL", "amqp://nobody@127.0.0.1:1/none"),
    ("ACCEPT_WITHOUT_BROKER", "false"),
];

#[tokio::test]
async fn a_batch_is_unavailable_if_all_of_it_can_be_repeated_and_has_results_otherwise() {
    let world = World::new().await;
    let settings = [&SETTINGS[..], &AWAY].concat();
    let api = Program::start(ProgramKind::Api, world.settings(&settings)).await;
    eventually(secs(20), "the port is open", async || {
        !api.logs().with_message("serving gRPC").is_empty()
    })
    .await;
    let mut client = NotificationsClient::new(channel(&api).await);
    let (valid, wrong) = (message(&world.in_app(), None), message(&json!({}), None));
    let batch = |notifications: &[_]| {
        authorized(SendBatchRequest {
            notifications: notifications.to_vec(),
        })
    };

    let both = batch(&[valid.clone(), valid.clone()]);
    let status = client.send_batch(both).await.expect_err("no broker");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(status.get_details_retry_info().is_some(), "{status:?}");
    let over_http = api.client().post_batch(&[world.in_app()]).await;
    over_http.assert_error(503, &code_of(&status));

    for (notifications, expected) in [
        (vec![valid, wrong.clone()], vec![true, false]),
        (vec![wrong], vec![false]),
    ] {
        let response = client.send_batch(batch(&notifications)).await;
        let response = response.expect("results").into_inner();
        assert_eq!(response.accepted, 0);
        let retryable = response.results.iter().map(|result| match &result.result {
            Some(Outcome::Refused(refused)) => refused.retryable,
            other => panic!("{other:?}"),
        });
        assert_eq!(retryable.collect::<Vec<_>>(), expected);
    }
}
