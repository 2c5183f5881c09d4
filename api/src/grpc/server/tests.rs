use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_types::StatusExt;

use super::GrpcListener;
use super::connections::Connections;
use crate::grpc::call::Calls;
use crate::grpc::settings::GrpcSettings;
use crate::test_log::TestLog;
use crate::test_state::state;

/// A service whose methods panic: one before it answers, the other while the client reads its stream.
struct Panicking;

#[tonic::async_trait]
impl Health for Panicking {
    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        panic!("told to")
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Ok(Response::new(Box::pin(stream::once(async {
            panic!("told to")
        }))))
    }
}

#[actix_web::test]
async fn a_panic_inside_a_call_is_internal_and_logged_once_and_the_connection_goes_on() {
    let log = TestLog::default();
    let _guard = log.capture();
    let settings = GrpcSettings {
        address: Ipv4Addr::LOCALHOST.into(),
        port: 0,
        reflection: false,
        tls: None,
    };
    let listener = GrpcListener::bind(&settings).expect("a port");
    let uri = format!("http://127.0.0.1:{}", listener.port().expect("a port"));
    let mut routes = Routes::builder();
    routes.add_service(HealthServer::new(Panicking));
    let stop = CancellationToken::new();
    let calls = Calls::new(state().into_inner(), routes.routes(), stop.clone());
    let connections = Connections::new(10, Duration::from_secs(30));
    let serving = tokio::spawn(listener.serve(connections, Arc::new(calls), stop.clone()));

    let endpoint = Channel::from_shared(uri).expect("a URI");
    let mut client = HealthClient::new(endpoint.connect().await.expect("connected"));
    let request = |id: &str| {
        let mut request = Request::new(HealthCheckRequest::default());
        let id = id.parse().expect("ASCII");
        request.metadata_mut().insert("x-request-id", id);
        request
    };
    for _ in 0..2 {
        let status = client.check(request("r-check")).await.expect_err("a panic");
        assert_internal(&status);
    }
    let watch = client.watch(request("r-watch")).await.expect("a stream");
    let mut watch = watch.into_inner();
    assert_internal(&watch.message().await.expect_err("a panic"));

    drop((client, watch));
    stop.cancel();
    serving.await.expect("no panic").expect("served");
    let log = log.text();
    for (id, count) in [("r-check", 2), ("r-watch", 1)] {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(id)).collect();
        assert_eq!(lines.len(), count, "{log}");
        for line in lines {
            for part in ["ERROR", "call failed", "INTERNAL", "the handler panicked"] {
                assert!(line.contains(part), "{part}: {line}");
            }
        }
    }
}

fn assert_internal(status: &Status) {
    assert_eq!(status.code(), Code::Internal, "{status:?}");
    let info = status.get_details_error_info().expect("details");
    assert_eq!(info.metadata["code"], "internal_error");
    assert!(
        !format!("{status:?}").contains("told to"),
        "the status reveals nothing internal"
    );
}
