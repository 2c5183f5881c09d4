//! The gRPC API.

mod batches;
mod limits;
mod logs;
mod messages;
mod real_client;
mod resets;
mod same_cases;
mod stop;

use serde_json::Value;
use tidings_proto::tidings_v1::SendRequest;
use tidings_proto::tidings_v1::notifications_client::NotificationsClient;
use tidings_tests::{EnvVars, Program, ProgramKind, World, tokens};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

/// What every API of these tests needs.
const SETTINGS: [(&str, &str); 4] = [
    ("GRPC_PORT", "0"),
    ("ACCOUNTS", "on"),
    ("ACCOUNTS_SECRET", "7d1f0c9a5e8b4d2367f1a0c9e8b4d236"),
    ("REGISTRATION", "open"),
];

/// An API with a gRPC port, and a client of it.
struct GrpcApi {
    program: Program,
    client: NotificationsClient<Channel>,
}

impl GrpcApi {
    async fn start(world: &World, more: &[(&str, &str)]) -> Self {
        let program = start(world, more).await;
        let channel = channel(&program).await;
        let client = NotificationsClient::new(channel).max_encoding_message_size(16 << 20);
        Self { program, client }
    }
}

async fn start(world: &World, more: &[(&str, &str)]) -> Program {
    let settings: Vec<_> = SETTINGS.iter().chain(more).copied().collect();
    world.start(ProgramKind::Api, &settings).await
}

/// The port that the log names.
fn port(program: &Program) -> u16 {
    let entries = program.logs().with_message("serving gRPC");
    let port = entries.last().and_then(|entry| entry["grpcPort"].as_u64());
    port.and_then(|port| port.try_into().ok())
        .expect("a gRPC port in the log")
}

async fn channel(program: &Program) -> Channel {
    let uri = format!("http://127.0.0.1:{}", port(program));
    let endpoint = Channel::from_shared(uri).expect("a URI");
    endpoint.connect().await.expect("a connection")
}

/// Sends a notification with metadata to an API with a gRPC port. Returns its id.
pub(crate) async fn send(
    program: &Program,
    body: &Value,
    metadata: &[(&'static str, &str)],
) -> String {
    let mut client = NotificationsClient::new(channel(program).await);
    let mut request = authorized(SendRequest {
        notification: Some(messages::message(body, None)),
    });
    for (name, value) in metadata {
        let value = value.parse().expect("ASCII");
        request.metadata_mut().insert(*name, value);
    }
    let sent = client.send(request).await.expect("accepted");
    sent.into_inner().accepted.expect("accepted").message_id
}

/// A request with the token of a trusted service.
fn authorized<T>(message: T) -> Request<T> {
    with_token(message, &tokens::service())
}

fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse().expect("ASCII");
    request.metadata_mut().insert("authorization", value);
    request
}

/// Our code in the details of a status.
fn code_of(status: &Status) -> String {
    let info = status.get_details_error_info();
    let info = info.unwrap_or_else(|| panic!("no details: {status:?}"));
    assert_eq!(info.domain, "tidings");
    let id = &info.metadata["requestId"];
    let header = status.metadata().get("x-request-id");
    // Errors within a stream have no initial metadata.
    assert!(
        header.is_none_or(|header| header == id.as_str()),
        "{status:?}"
    );
    let code = info.metadata["code"].clone();
    assert_eq!(info.reason, code.to_uppercase());
    code
}

#[tokio::test]
async fn without_a_port_there_is_no_grpc_api() {
    let world = World::new().await;
    let settings: EnvVars = world.settings(&[]);
    assert!(!settings.contains_key("GRPC_PORT"));
    let api = world.api().await;
    assert!(api.logs().with_message("serving gRPC").is_empty());
}

/// The status codes of HTTP responses, as gRPC.
fn grpc_code(status: u16) -> Code {
    match status {
        202 => Code::Ok,
        400 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        413 => Code::ResourceExhausted,
        422 => Code::AlreadyExists,
        503 => Code::Unavailable,
        other => panic!("{other}"),
    }
}
