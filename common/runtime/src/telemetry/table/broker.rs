use super::group;

group! {
    "RabbitMQ"
    /// 1 while the process is connected; `connection`: `publishing` or, in a worker, `consuming` (all its consumers).
    tidings_broker_connected: Gauge [Api Worker] ["connection"];
    /// 1 while RabbitMQ takes no messages of this process, because of its memory or disk alarm.
    tidings_broker_blocked: Gauge [Api Worker] [];
    /// Connections that were opened after an earlier one had ended.
    tidings_broker_reconnects_total: Counter [Api Worker] ["connection"];
    /// Time from the publishing of a message until RabbitMQ has confirmed or refused it.
    tidings_publish_confirm_duration_seconds: Histogram [Api Worker] [];
    /// Ready messages in a queue, about a second ago. `queue`: a stage, `wait.…`, `retry.…` (a rung of the ladder) or
    /// `dead_letters`. 0 if RabbitMQ does not say.
    tidings_queue_depth: Gauge [Api] ["queue"];
    /// Consumers of a queue. 0 if RabbitMQ does not say.
    tidings_queue_consumers: Gauge [Api] ["queue"];
    /// `QUEUE_MAX_LENGTH`, for each queue that it applies to. Absent if it is 0.
    tidings_queue_limit_messages: Gauge [Api] ["queue"];
}
