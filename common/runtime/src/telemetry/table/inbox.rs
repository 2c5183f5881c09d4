use super::group;

group! {
    "Inboxes"
    /// Open streams.
    tidings_inbox_streams: Gauge [Api] [];
    /// Streams that were told to read their inbox again, because their client was slow.
    tidings_inbox_stream_resets_total: Counter [Api] [];
    /// Wakes that were published.
    tidings_inbox_wakes_published_total: Counter [Api Worker] [];
    /// Wakes that were not published, because RabbitMQ did not take them.
    tidings_inbox_wakes_dropped_total: Counter [Api Worker] [];
}
