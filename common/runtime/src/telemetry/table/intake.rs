use super::group;

group! {
    "Intake and events"
    /// Inserted rows.
    tidings_intake_recorded_total: Counter [Worker] [];
    /// Messages whose notification is recorded already.
    tidings_intake_duplicates_total: Counter [Worker] [];
    /// Time from the acceptance of a notification until it is recorded. The API records while RabbitMQ is away.
    tidings_intake_lag_seconds: Histogram [Api Worker] [];
    /// Messages per batch.
    tidings_batch_size: Histogram [Worker] [];
    /// Events of other programs that were translated, by their routing key.
    tidings_events_translated_total: Counter [Worker] ["event"];
    /// Messages that were retried by the ladder.
    tidings_messages_retried_total: Counter [Worker] ["reason"];
    /// Messages that were deferred without counting an attempt.
    tidings_messages_deferred_total: Counter [Worker] [];
    /// Messages that became dead letters.
    tidings_messages_dead_lettered_total: Counter [Worker] ["reason"];
}
