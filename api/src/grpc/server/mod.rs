//! The server: its threads, its connections, and how it stops.

mod activity;
mod connection;
mod connections;
mod listener;
#[cfg(test)]
mod tests;
mod tls;

use std::sync::Arc;

use anyhow::Context;
use tidings_runtime::tasks::Tasks;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use super::call::{Calls, MAX_MESSAGE_BYTES};
use super::settings::GrpcSettings;
use super::{health, notifications, reflection, users};
use crate::state::AppState;
pub use activity::RunningCall;
use connections::Connections;
pub use listener::GrpcListener;

/// The running server.
pub struct GrpcServer {
    stop: CancellationToken,
    stopped: CancellationToken,
    /// The threads of the server: calls must not delay the publisher, which has the main thread. `Some` until the value is
    /// dropped.
    runtime: Option<Runtime>,
}

impl GrpcServer {
    /// Serves at most `max_connections` connections on `threads` threads. The task ends after [`GrpcServer::stop`].
    ///
    /// # Errors
    ///
    /// Fails if the threads cannot be started or the descriptors of the services cannot be read.
    pub fn start(
        listener: GrpcListener,
        settings: &GrpcSettings,
        state: AppState,
        max_connections: usize,
        tasks: &mut Tasks,
    ) -> anyhow::Result<Self> {
        let mut runtime = Builder::new_multi_thread();
        if let Some(threads) = state.http.workers {
            runtime.worker_threads(threads);
        }
        let runtime = runtime
            .thread_name("grpc")
            .enable_all()
            .build()
            .context("cannot start the threads of the gRPC server")?;
        let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
        let (port, is_encrypted) = (listener.port()?, listener.is_encrypted());
        let routes = routes(settings, &stop)?;
        let response_timeout = state.http.response_timeout;
        let calls = Calls::new(Arc::new(state), routes, stop.clone());
        let connections = Connections::new(max_connections, response_timeout);
        let serving = listener.serve(connections, Arc::new(calls), stop.clone());
        let (serving, ended) = (runtime.spawn(serving), stopped.clone());
        tasks.spawn_fallible("gRPC server", async move {
            let _ended = ended.drop_guard();
            serving.await?
        });
        tracing::info!(
            grpc_port = port,
            is_encrypted,
            max_connections,
            "serving gRPC"
        );
        Ok(Self {
            stop,
            stopped,
            runtime: Some(runtime),
        })
    }

    /// Takes no new calls, and returns when those that have begun have ended. Streams end with UNAVAILABLE after the messages
    /// that have arrived.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.stopped.cancelled().await;
    }
}

impl Drop for GrpcServer {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(runtime) = self.runtime.take() {
            // A runtime must not wait for its threads on a thread of another one.
            runtime.shutdown_background();
        }
    }
}

fn routes(settings: &GrpcSettings, stop: &CancellationToken) -> anyhow::Result<Routes> {
    let mut routes = Routes::builder();
    routes.add_service(notifications::service(MAX_MESSAGE_BYTES));
    routes.add_service(users::service());
    routes.add_service(health::service(stop.clone()));
    if settings.reflection {
        reflection::add(&mut routes)?;
    }
    Ok(routes.routes())
}
