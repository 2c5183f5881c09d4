//! `tidings.v1.Notifications`.

mod json;
mod result;
mod send;
mod send_batch;
mod stream_send;

use std::pin::Pin;

use futures_util::Stream;
use tidings_proto::tidings_v1::notifications_server::{Notifications, NotificationsServer};
use tidings_proto::tidings_v1::{
    SendBatchRequest, SendBatchResponse, SendRequest, SendResponse, StreamSendRequest,
    StreamSendResponse,
};
use tonic::{Request, Response, Status, Streaming};

use super::call::Call;

/// The service, with messages of at most `limit` bytes.
pub fn service(limit: usize) -> NotificationsServer<NotificationsService> {
    NotificationsServer::new(NotificationsService).max_decoding_message_size(limit)
}

pub struct NotificationsService;

#[tonic::async_trait]
impl Notifications for NotificationsService {
    async fn send(&self, request: Request<SendRequest>) -> Result<Response<SendResponse>, Status> {
        let call = Call::of(&request)?;
        call.answer(send::handle(&call, request).await)
    }

    async fn send_batch(
        &self,
        request: Request<SendBatchRequest>,
    ) -> Result<Response<SendBatchResponse>, Status> {
        let call = Call::of(&request)?;
        call.answer(send_batch::handle(&call, request).await)
    }

    type StreamSendStream = Pin<Box<dyn Stream<Item = Result<StreamSendResponse, Status>> + Send>>;

    async fn stream_send(
        &self,
        request: Request<Streaming<StreamSendRequest>>,
    ) -> Result<Response<Self::StreamSendStream>, Status> {
        let call = Call::of(&request)?;
        if let Err(error) = send::reject_key(request.metadata()) {
            return Err(call.refuse(&error));
        }
        let answers = stream_send::handle(call, request.into_inner());
        Ok(Response::new(Box::pin(answers)))
    }
}
