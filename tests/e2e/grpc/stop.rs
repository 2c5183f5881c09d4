//! The API stops while a stream is open.

use futures_util::stream;
use tidings_proto::tidings_v1::StreamSendRequest;
use tidings_tests::{World, eventually, secs};
use tokio::sync::mpsc;
use tonic::Code;

use super::messages::message;
use super::{GrpcApi, authorized, code_of};

#[tokio::test]
async fn a_stream_ends_with_unavailable_when_the_api_stops_and_nothing_acknowledged_is_lost() {
    let world = World::new().await;
    let mut api = GrpcApi::start(&world, &[]).await;
    let (sender, receiver) = mpsc::channel(1);
    let messages = stream::unfold(receiver, async |mut receiver: mpsc::Receiver<_>| {
        Some((receiver.recv().await?, receiver))
    });
    let response = api.client.stream_send(authorized(messages)).await;
    let mut answers = response.expect("a stream").into_inner();
    for index in 0..3 {
        let request = StreamSendRequest {
            notification: Some(message(&world.in_app(), None)),
        };
        sender.send(request).await.expect("it is open");
        let answer = answers
            .message()
            .await
            .expect("no error")
            .expect("an answer");
        assert_eq!(answer.index, index);
    }
    // The client has not ended its stream.
    api.program.sigterm();
    let status = answers.message().await.expect_err("the end of the stream");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(code_of(&status), "shutting_down");
    let exit = api.program.exit_within(secs(15)).await;
    assert_eq!(exit.code(), Some(0));
    drop(sender);

    let _worker = world.worker().await;
    eventually(secs(30), "what was acknowledged is recorded", async || {
        world.database.count("true").await == 3
    })
    .await;
}
