use super::group;
use crate::{Setting, SettingKind};

group! {
    "HTTP"
    /// The port of the API. 0 takes any free port.
    API_PORT: [Api Tidings] = Setting::number(0, 65535).default("8080");
    /// The port of the worker's `/health`, `/ready`, `/live` and, without `METRICS_PORT`, `/metrics`. 0 takes any free port.
    WORKER_PORT: [Worker] = Setting::number(0, 65535).default("8081");
    /// The port of `/metrics`, on `BIND_ADDRESS`. The port of `/health` then has no `/metrics`, so that strangers who reach the
    /// API do not read them. 0 takes any free port. An API and a worker on one machine need different ones.
    METRICS_PORT: [Api Worker] = Setting::number(0, 65535).described("the port of `/health`");
    /// Number of threads that handle requests. All of them publish on one connection to RabbitMQ.
    API_WORKERS: [Api] = Setting::number(1, 65535).described("one thread per core").unit("threads");
    /// The origins whose web pages may use the API, separated by commas: `https://app.example.com`, without a path and
    /// exactly as browsers send it in the header `Origin`. `*` allows every origin: any page that somebody opens
    /// in your network can then read what needs no token, such as `/metrics`. Pages authenticate with a token; cookies and
    /// other credentials of the browser are never allowed.
    CORS_ALLOWED_ORIGINS: [Api] = Setting::of(SettingKind::List).example("https://app.example.com,http://localhost:3000");
    /// Maximum size of a request body. RabbitMQ 4 closes a channel that publishes more than 16 MiB. The worker computes
    /// from it how many messages fit into `CONSUMER_PREFETCH_BYTES`.
    MAX_BODY_BYTES: [Api Worker Tidings] = Setting::number(1024, 15_728_640).default("65536").unit("bytes");
    /// Maximum size of the body of a batch. Each notification in the batch may have `MAX_BODY_BYTES`.
    MAX_BATCH_BODY_BYTES: [Api] = Setting::number(1024, 134_217_728).default("8388608").unit("bytes");
    /// Maximum number of bytes, in all, of request bodies that are being received or processed. Above it, a request is
    /// answered with 503. `MAX_BATCH_BODY_BYTES` may be at most three quarters of it.
    MAX_REQUEST_BYTES_IN_FLIGHT: [Api] = Setting::number(1_048_576, 68_719_476_736).default("67108864").unit("bytes");
    /// Maximum number of bytes, in all, of responses that clients have not read yet. Above it, a request with a large
    /// response is answered with 503, and clients that do not read are disconnected earlier.
    MAX_RESPONSE_BYTES_IN_FLIGHT: [Api] = Setting::number(1_048_576, 68_719_476_736).default("33554432").unit("bytes");
    /// Maximum number of connections of clients. If it is reached, the API closes the connections that have been idle
    /// for the longest time. Each connection needs an open file (`ulimit -n`); programs raise their soft limit to the
    /// hard limit when they start.
    MAX_CONNECTIONS: [Api] = Setting::number(16, 1_000_000).described("10000, or as many as the limit of open files allows")
        .unit("connections");
    /// Maximum time from the first byte of a request head to its last byte. An idle connection stays open for 75 s.
    REQUEST_HEAD_TIMEOUT_SECS: [Api] = Setting::number(1, 300).default("10").unit("s");
    /// Maximum time for a client to read a response, counted from when the API cannot send all of it at once. The
    /// connection is then aborted.
    RESPONSE_TIMEOUT_SECS: [Api] = Setting::number(1, 3600).default("30").unit("s");
}
