//! `grpc.health.v1.Health`: whether the API accepts notifications, like `GET /ready`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::call::{Call, Method};
use crate::error::ApiError;
use crate::handlers::probes::is_ready;
use crate::state::AppState;

/// How often a watch looks whether something has changed.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// The services that have a state. The empty name is the server.
const SERVICES: [&str; 3] = ["", "tidings.v1.Notifications", "user.UserService"];

/// The service. Watches end when `stop` is cancelled.
pub fn service(stop: CancellationToken) -> HealthServer<HealthService> {
    let limit = Method::of("/grpc.health.v1.Health/Check").max_message_bytes();
    HealthServer::new(HealthService { stop }).max_decoding_message_size(limit)
}

pub struct HealthService {
    stop: CancellationToken,
}

/// What a watch has told the client.
struct Watch {
    state: Arc<AppState>,
    is_known: bool,
    last: Option<ServingStatus>,
    ticks: tokio::time::Interval,
    stop: CancellationToken,
}

#[tonic::async_trait]
impl Health for HealthService {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let call = Call::of(&request)?;
        let is_known = SERVICES.contains(&request.get_ref().service.as_str());
        let result = if is_known {
            Ok(response(serving(&call.state)))
        } else {
            Err(ApiError::not_found("There is no service of this name"))
        };
        call.answer(result)
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let call = Call::of(&request)?;
        let mut ticks = interval(WATCH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watch = Watch {
            state: Arc::clone(&call.state),
            // A watch of an unknown service waits until the service exists.
            is_known: SERVICES.contains(&request.get_ref().service.as_str()),
            last: None,
            ticks,
            stop: self.stop.clone(),
        };
        let changes = stream::unfold(watch, async |mut watch| {
            let status = watch.next().await?;
            Some((Ok(response(status)), watch))
        });
        Ok(Response::new(Box::pin(changes)))
    }
}

impl Watch {
    /// Waits for a change. `None` if the server stops and the client knows it.
    async fn next(&mut self) -> Option<ServingStatus> {
        loop {
            let is_stopping = self
                .stop
                .run_until_cancelled(self.ticks.tick())
                .await
                .is_none();
            let now = match self.is_known {
                false => ServingStatus::ServiceUnknown,
                true if is_stopping => ServingStatus::NotServing,
                true => serving(&self.state),
            };
            if self.last.replace(now) != Some(now) {
                return Some(now);
            }
            if is_stopping {
                return None;
            }
        }
    }
}

fn serving(state: &AppState) -> ServingStatus {
    if is_ready(state) {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}
