//! `StreamSend`.

use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use tidings_proto::tidings_v1::{StreamSendRequest, StreamSendResponse};
use tonic::{Status, Streaming};

use super::{result, send};
use crate::grpc::call::{Call, of_stream};

/// How many notifications of one stream are accepted at once. The server reads no more until one of them is acknowledged.
const MAX_IN_FLIGHT: usize = 64;

/// Acknowledges each notification in order, and then ends like the stream of the client.
pub fn handle(
    call: Arc<Call>,
    messages: Streaming<StreamSendRequest>,
) -> impl Stream<Item = Result<StreamSendResponse, Status>> {
    let received = stream::unfold(Some(messages), async |messages| {
        let mut messages = messages?;
        match messages.message().await.transpose()? {
            Ok(message) => Some((Ok(message), Some(messages))),
            Err(status) => Some((Err(status), None)),
        }
    });
    received
        .enumerate()
        .map(move |(index, message)| acknowledge(Arc::clone(&call), index, message))
        .buffered(MAX_IN_FLIGHT)
}

async fn acknowledge(
    call: Arc<Call>,
    index: usize,
    message: Result<StreamSendRequest, Status>,
) -> Result<StreamSendResponse, Status> {
    let message = message.map_err(|status| of_stream(&call, status))?;
    let _bytes = call.take_bytes();
    let message = message.notification.unwrap_or_default();
    // Each counts like a request.
    let counted = call
        .caller()
        .and_then(|caller| call.state.rate_limits.count_call(caller));
    let accepted = match counted {
        Ok(()) => send::accept(&call, message).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &accepted {
        let (request_id, code) = (&call.request_id, error.code);
        let cause = error.cause.as_deref();
        tracing::debug!(request_id, index, code, cause, "item refused");
    }
    Ok(StreamSendResponse {
        index: index as u64,
        result: Some(result::of_accept(&accepted)),
    })
}
