//! The metrics of the process, and what each means.

use std::time::Duration;

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::tasks::vital;

/// Bucket bounds of latency histograms, in seconds.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Bucket bounds of batch size histograms, in messages.
const SIZES: [f64; 11] = [
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0,
];

/// The metrics of the process, in the text format of Prometheus.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Metrics without a process-wide recorder, for tests.
    #[must_use]
    pub fn detached() -> Self {
        Self(PrometheusBuilder::new().build_recorder().handle())
    }

    /// The body of `GET /metrics`.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }
}

/// Installs the metrics recorder of the process. The names of histograms must end in `_seconds` or `_size`, which
/// selects the bucket bounds.
///
/// Must be called in a tokio runtime: starts a task that keeps the histograms from growing between scrapes.
///
/// # Errors
///
/// Returns an error if the process has a recorder already.
pub fn install() -> Result<Metrics, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES)?
        .install_recorder()?;
    register_help();
    register_help_of_queues();
    register_help_of_keys();
    let upkeep = handle.clone();
    tokio::spawn(vital("metrics upkeep", async move {
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            upkeep.run_upkeep();
        }
    }));
    Ok(Metrics(handle))
}

/// Registers the help text of the metrics about queues.
fn register_help_of_queues() {
    describe_gauge!("tidings_queue_depth", "Ready messages in a queue");
    describe_gauge!("tidings_queue_consumers", "Consumers of a queue");
}

/// Registers the help text of the metrics about API keys.
fn register_help_of_keys() {
    describe_gauge!(
        "tidings_api_keys",
        "API keys that the process knows and that are not revoked"
    );
    describe_counter!(
        "tidings_api_key_reads_total",
        "Reads of the API keys that have changed, or of all"
    );
}

/// Registers the help text of every metric.
fn register_help() {
    describe_counter!(
        "tidings_http_requests_total",
        "HTTP requests, by method, path and status"
    );
    describe_histogram!("tidings_http_request_seconds", "Duration of HTTP requests");
    describe_counter!(
        "tidings_notifications_accepted_total",
        "Accepted notifications, by type and by what stored them: broker or database"
    );
    describe_counter!(
        "tidings_idempotent_replays_total",
        "Requests and items of batches that were answered like an earlier one with the same idempotency key"
    );
    describe_counter!(
        "tidings_idempotency_keys_reused_total",
        "Requests and items of batches that were refused because another notification has their idempotency key"
    );
    describe_counter!(
        "tidings_idempotency_waits_total",
        "Requests and items of batches that waited for an earlier one with the same idempotency key"
    );
    describe_counter!(
        "tidings_idempotency_lookups_total",
        "Lookups of rows by idempotency keys, by result: answered, unanswered in time, or skipped because PostgreSQL does not answer"
    );
    describe_histogram!("tidings_batch_size", "Messages per batch");
    describe_counter!(
        "tidings_delivery_transactions_total",
        "Transactions that claim notifications or record results, by channel and step"
    );
    describe_counter!("tidings_intake_recorded_total", "Inserted rows");
    describe_counter!(
        "tidings_intake_duplicates_total",
        "Messages whose notification is recorded already"
    );
    describe_counter!(
        "tidings_messages_retried_total",
        "Messages that were retried by the ladder, by reason"
    );
    describe_counter!(
        "tidings_messages_deferred_total",
        "Messages that were deferred without counting an attempt"
    );
    describe_counter!(
        "tidings_messages_dead_lettered_total",
        "Dead-lettered messages, by reason"
    );
    describe_counter!(
        "tidings_delivery_attempts_total",
        "Delivery attempts, by channel, provider and outcome"
    );
    describe_histogram!(
        "tidings_delivery_seconds",
        "Duration of delivery attempts, by channel and provider"
    );
    describe_gauge!(
        "tidings_scheduler_overdue_seconds",
        "How late the oldest due notification is that no scheduler has released"
    );
    describe_gauge!(
        "tidings_accepts_without_broker",
        "1 if a scheduler runs, so that the API can accept notifications of all channels while RabbitMQ is away"
    );
    describe_counter!(
        "tidings_scheduler_released_total",
        "Scheduled notifications that were published or, in-app, processed, by type"
    );
    describe_counter!(
        "tidings_scheduler_expired_total",
        "Scheduled notifications that expired before their release"
    );
    describe_counter!(
        "tidings_schedules_runs_total",
        "Notifications that recurring schedules have created"
    );
    describe_counter!(
        "tidings_schedules_skipped_total",
        "Occurrences of recurring schedules that did not run, because of an outage or a failure"
    );
    describe_counter!(
        "tidings_schedules_failed_total",
        "Recurring schedules that were paused because they failed"
    );
    describe_gauge!(
        "tidings_schedules_overdue_seconds",
        "How late the oldest due recurring schedule is that no scheduler has run"
    );
    describe_gauge!(
        "tidings_provider_away",
        "1 while the provider of a channel is down and the channel takes no messages"
    );
    describe_gauge!(
        "tidings_channel_paused",
        "1 while a channel is paused because its provider limits the rate"
    );
    describe_gauge!(
        "tidings_webhook_destinations_away",
        "Webhook destinations (host and port) that are down"
    );
}
