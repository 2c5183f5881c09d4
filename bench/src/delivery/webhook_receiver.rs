//! A receiver of webhooks that answers each request at once and keeps connections alive.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tidings_domain::notification::MessageId;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::arrivals::Arrivals;
use crate::load::{WebhookUrls, destination_of};

/// The pause after a failed `accept`.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Every destination with a number that this divides hangs, counted from 0.
pub type HangEvery = u32;

/// A receiver at all loopback addresses, so that it can be thousands of destinations. Stops when it is dropped.
pub struct WebhookReceiver {
    /// What arrives.
    pub arrivals: Arc<Arrivals>,
    port: u16,
    serving: JoinHandle<()>,
}

impl WebhookReceiver {
    /// Starts a receiver on a free port. Destinations that hang accept connections and never answer.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no free port.
    pub async fn start(hang_every: Option<HangEvery>) -> anyhow::Result<Self> {
        // One listener for the whole network 127.0.0.0/8. Connections from other machines are closed.
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        let port = listener.local_addr()?.port();
        let arrivals = Arc::<Arrivals>::default();
        let serving = tokio::spawn(serve(listener, Arc::clone(&arrivals), hang_every));
        Ok(Self {
            arrivals,
            port,
            serving,
        })
    }

    /// The URLs of this many destinations.
    pub const fn urls(&self, destinations: u32) -> WebhookUrls {
        WebhookUrls::new(self.port, destinations)
    }
}

impl Drop for WebhookReceiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, arrivals: Arc<Arrivals>, hang_every: Option<HangEvery>) {
    loop {
        // Fails while the process has too many open files.
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if !peer.ip().is_loopback() {
            continue;
        }
        if hangs(&stream, hang_every) {
            tokio::spawn(async move {
                let _stream = stream;
                std::future::pending::<()>().await;
            });
        } else {
            tokio::spawn(answer_all(stream, Arc::clone(&arrivals)));
        }
    }
}

fn hangs(stream: &TcpStream, hang_every: Option<HangEvery>) -> bool {
    match (stream.local_addr(), hang_every) {
        (Ok(SocketAddr::V4(local)), Some(every)) => {
            destination_of(*local.ip()).is_multiple_of(every)
        }
        _ => false,
    }
}

/// Answers the requests of a connection until the client closes it.
async fn answer_all(stream: TcpStream, arrivals: Arc<Arrivals>) {
    // Fails if the client has closed the connection.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(request, Arc::clone(&arrivals)));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Ends with an error if the client aborts the connection: what is missing is missing in the ledger.
    let _ = connection.await;
}

async fn answer(
    request: Request<Incoming>,
    arrivals: Arc<Arrivals>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let id = request.headers().get("webhook-id");
    let id = id.and_then(|id| Uuid::try_parse_ascii(id.as_bytes()).ok());
    let mut response = Response::new(Empty::new());
    match request.into_body().collect().await {
        Ok(_) => arrivals.record(id.map(MessageId::from)),
        Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    Ok(response)
}
