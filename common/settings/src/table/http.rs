use super::group;
use crate::Setting;

group! {
    "HTTP"
    /// The port of the API. 0 takes any free port.
    API_PORT: [Api] = Setting::number(0, 65535).default("8080");
    /// The port of the worker's `/health`, `/ready`, `/live` and `/metrics`. 0 takes any free port.
    WORKER_PORT: [Worker] = Setting::number(0, 65535).default("8081");
    /// Number of threads that handle requests. All of them publish on one connection to RabbitMQ.
    API_WORKERS: [Api] = Setting::number(1, 65535).described("one thread per core").unit("threads");
    /// Maximum size of a request body. RabbitMQ 4 closes a channel that publishes more than 16 MiB.
    MAX_BODY_BYTES: [Api] = Setting::number(1024, 15_728_640).default("65536").unit("bytes");
    /// Maximum size of the body of a batch. Each notification in the batch may have `MAX_BODY_BYTES`.
    MAX_BATCH_BODY_BYTES: [Api] = Setting::number(1024, 134_217_728).default("8388608").unit("bytes");
}
