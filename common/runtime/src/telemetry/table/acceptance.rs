use super::group;

group! {
    "Acceptance"
    /// Accepted notifications; `by`: `broker` or `database`, which has stored them.
    tidings_notifications_accepted_total: Counter [Api] ["by" "type"];
    /// Duration of `POST /api/notifications`, `/api/notifications/batch` and `/api/v1/notifications`.
    tidings_accept_seconds: Histogram [Api] [];
    /// 1 if a scheduler runs, so that the API can accept notifications of all channels while RabbitMQ is away.
    tidings_accepts_without_broker: Gauge [Api] [];
    /// Requests and items of batches that were answered like an earlier one with the same idempotency key.
    tidings_idempotent_replays_total: Counter [Api] [];
    /// Requests and items of batches that were refused because another notification has their idempotency key.
    tidings_idempotency_keys_reused_total: Counter [Api] [];
    /// Requests and items of batches that waited for an earlier one with the same idempotency key.
    tidings_idempotency_waits_total: Counter [Api] [];
    /// Lookups of rows by idempotency keys; `result`: `answered`, `unanswered` in time, or `skipped` because PostgreSQL
    /// does not answer.
    tidings_idempotency_lookups_total: Counter [Api] ["result"];
    /// 1 while PostgreSQL is away, so that this process grants each caller the full limit by itself.
    tidings_rate_limit_degraded: Gauge [Api] [];
    /// API keys that the process knows and that are not revoked.
    tidings_api_keys: Gauge [Api] [];
    /// Reads of the API keys that have changed, or of all.
    tidings_api_key_reads_total: Counter [Api] [];
}
