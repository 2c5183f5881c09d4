use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::serve;
use super::connections::{Connections, Place};
use super::tls::acceptor;
use crate::grpc::call::Calls;
use crate::grpc::settings::GrpcSettings;

/// How long a client may take for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait after the operating system has refused a connection, for lack of open files for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The port of the gRPC API, with its certificate.
pub struct GrpcListener {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl GrpcListener {
    /// Binds the port and reads the certificate.
    ///
    /// # Errors
    ///
    /// Returns an error if the port is in use or the certificate is not usable.
    pub fn bind(settings: &GrpcSettings) -> anyhow::Result<Self> {
        let (address, port) = (settings.address, settings.port);
        let listener = TcpListener::bind((address, port))
            .with_context(|| format!("cannot listen on {address}:{port} (GRPC_PORT)"))?;
        listener.set_nonblocking(true)?;
        let tls = settings.tls.as_ref().map(acceptor).transpose()?;
        Ok(Self { listener, tls })
    }

    /// The port on which the server listens.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system.
    pub fn port(&self) -> std::io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Whether clients need TLS.
    pub const fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves connections until `stop` is cancelled and all calls have ended.
    ///
    /// # Errors
    ///
    /// Fails if the listener cannot be used.
    pub async fn serve(
        self,
        connections: Arc<Connections>,
        calls: Arc<Calls>,
        stop: CancellationToken,
    ) -> std::io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let open = TaskTracker::new();
        while let Some(place) = stop.run_until_cancelled(connections.place()).await {
            let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else {
                break;
            };
            match accepted {
                Ok((stream, _)) => {
                    let (tls, calls) = (self.tls.clone(), Arc::clone(&calls));
                    open.spawn(handshake(stream, tls, place, calls, stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a gRPC connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        open.close();
        open.wait().await;
        Ok(())
    }
}

/// Serves a connection, after the TLS handshake if there is one.
async fn handshake(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    place: Place,
    calls: Arc<Calls>,
    stop: CancellationToken,
) {
    let peer = stream.peer_addr().ok().map(|peer| peer.ip());
    // A response must not wait for the acknowledgement of an earlier one. Without this the connection works too.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return serve(stream, peer, place, calls, stop).await;
    };
    let accepting = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream));
    match stop.run_until_cancelled(accepting).await {
        Some(Ok(Ok(stream))) => serve(stream, peer, place, calls, stop).await,
        Some(Ok(Err(error))) => tracing::debug!(%error, "the TLS handshake failed"),
        Some(Err(_)) => tracing::debug!("the TLS handshake took too long"),
        None => {}
    }
}
