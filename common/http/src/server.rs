use std::fmt;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{HttpService, KeepAlive, Protocol, Request, Response};
use actix_server::Server;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config,
};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::AppConfig;
use socket2::SockRef;
use tokio::net::TcpStream;

use crate::byte_budget::ByteBudget;
use crate::connection_table::{ConnectionTable, Timeouts, ticks};
use crate::framework_error::FrameworkError;
use crate::stream::BoundedStream;

/// How long a client may take to read the response to a request whose body the server does not read.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How many connections may wait to be accepted. The kernel has its own limit too (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// How many bytes the kernel takes of a response before it can send them. Otherwise it would take megabytes for a client
/// that does not read, and they would count as sent.
const MAX_UNSENT: u32 = 128 << 10;

/// What a stranger may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Maximum number of connections, of all threads. At 7/8 of it, the connections that wait longest for their
    /// client are closed.
    pub max_connections: usize,
    /// How long an idle connection stays open.
    pub idle_timeout: Duration,
    /// Maximum time from the first byte of a request head to its last one.
    pub head_timeout: Duration,
    /// Maximum time for a client to read a response, from when the server cannot write all of it at once.
    pub response_timeout: Duration,
    /// Bytes of responses that clients have not read.
    pub response_bytes: Arc<ByteBudget>,
}

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The limits.
    pub limits: Limits,
    /// Number of threads. `None` is one per core.
    pub threads: Option<usize>,
    /// How long the server waits for requests in progress when it stops.
    pub shutdown_timeout: Duration,
    /// Creates the JSON body of an error that the framework answers by itself.
    pub error_body: fn(FrameworkError) -> String,
}

/// Serves an actix-web application on `listener` until the returned server is stopped.
///
/// # Errors
///
/// Fails if the listener cannot be used.
pub fn serve<F, I, S, B>(
    listener: TcpListener,
    options: ServerOptions,
    application: F,
) -> std::io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let ServerOptions {
        limits,
        threads,
        shutdown_timeout,
        error_body,
    } = options;
    let threads = threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get));
    let per_thread = (limits.max_connections / threads).max(2);
    let timeouts = Timeouts {
        idle: ticks(limits.idle_timeout),
        head: ticks(limits.head_timeout),
        response: ticks(limits.response_timeout),
    };
    // While the framework accepts nothing, new connections wait here. The kernel drops those for which there is no room,
    // and their clients try again only after a second.
    rustix::net::listen(&listener, BACKLOG)?;
    let builder = Server::build()
        .workers(threads)
        .max_concurrent_connections(per_thread)
        .shutdown_timeout(shutdown_timeout.as_secs())
        .disable_signals();
    let graceful_shutdown = builder.graceful_shutdown_signal();
    let builder = builder.listen("http", listener, move || {
        // Below the limit of the framework, which accepts nothing at its limit.
        let capacity = (per_thread - per_thread.div_ceil(8)).max(1);
        let table = ConnectionTable::new(capacity, timeouts, Arc::clone(&limits.response_bytes));
        let signal = graceful_shutdown.clone();
        let service = HttpService::build()
            .graceful_shutdown_signal(move || {
                let signal = signal.clone();
                async move { signal.notified().await }
            })
            // The table closes idle connections.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            .on_connect_ext(|stream: &BoundedStream, data| {
                data.insert(Rc::clone(stream.connection()));
            });
        let application = application()
            .into_factory()
            .map_err(|error| error.into().error_response());
        let service = service.finish(map_config(application, |()| AppConfig::default()));
        fn_service(move |tcp: TcpStream| {
            let peer = tcp.peer_addr().ok();
            // A response of several writes must not wait for the client to acknowledge the first one (Nagle's algorithm and
            // delayed acknowledgements: 40 ms), nor an event of a stream for the one before.
            let _ = tcp.set_nodelay(true);
            // Without the limit the connection works too.
            let _ = SockRef::from(&tcp).set_tcp_notsent_lowat(MAX_UNSENT);
            let (connection, place) = table.add();
            let stream = BoundedStream::new(tcp, connection, place, error_body);
            std::future::ready(Ok((stream, Protocol::Http1, peer)))
        })
        .and_then(service)
    })?;
    Ok(builder.run())
}
