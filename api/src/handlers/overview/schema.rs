//! Documents the types of `tidings_domain::overview` for OpenAPI.
#![expect(dead_code, reason = "documents the answers for OpenAPI")]

use jiff::Timestamp;
use utoipa::ToSchema;

/// What an operator sees first. Null is what a server that does not respond would know.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Overview {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What is wrong now, the worst first.
    problems: Vec<OverviewProblem>,
    /// Notifications a second, in the last minute whose figures are saved.
    rates: Option<OverviewRates>,
    /// What is counted since that minute.
    latest: Option<OverviewLatest>,
    /// Ready messages in the work queues, the wait queues and the delay queues.
    waiting: Option<u64>,
    /// How long the oldest notification waits that may be sent now; null if none waits, or if none of the 1000 oldest may be
    /// sent now.
    oldest_waiting_seconds: Option<u64>,
    /// The dead letters that are neither replayed nor purged, counted up to 1000.
    dead_letters: Option<u64>,
    /// Whether there are more than `deadLetters`.
    dead_letters_capped: bool,
    /// Those of the last 24 hours, counted up to 1000.
    #[schema(rename = "deadLetters24h")]
    dead_letters24h: Option<u64>,
    /// Whether there are more than `deadLetters24h`.
    #[schema(rename = "deadLetters24hCapped")]
    dead_letters24h_capped: bool,
    /// The share of the notifications that were delivered, of those that were delivered or failed in the last hour; null
    /// if there was none.
    success_ratio: Option<f64>,
    /// From the acceptance to the delivery, in the last hour.
    accepted_to_delivered: OverviewDurations,
    /// The channels that send to the outside.
    channels: Vec<ChannelState>,
    /// The delay queues of the ladder, from the first rung on.
    ladder: Vec<OverviewRung>,
    /// The processes that have reported within 20 s.
    processes: Vec<OverviewProcess>,
}

/// Something that is wrong now.
#[derive(ToSchema)]
pub struct OverviewProblem {
    /// Which kind of problem: stable.
    #[schema(value_type = String, example = "provider_away")]
    code: String,
    /// `error`, `warning` or `info`.
    #[schema(example = "error")]
    severity: String,
    /// The problem for people.
    message: String,
    /// The channel. Absent if the problem is not that of a channel.
    #[schema(required = false)]
    channel: Option<String>,
    /// The page of the dashboard that shows more, relative to `/dashboard`.
    #[schema(example = "/notifications?status=pending&channel=email")]
    link: String,
    /// How many. Absent if it cannot be counted.
    #[schema(required = false)]
    count: Option<u64>,
    /// Since when. Absent if it is not known.
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    since: Option<Timestamp>,
}

/// Notifications a second in a minute.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OverviewRates {
    /// The start of the minute.
    #[schema(value_type = String, format = DateTime)]
    minute: Timestamp,
    /// Accepted.
    accepted_per_second: f64,
    /// Delivered.
    delivered_per_second: f64,
    /// Failed.
    failed_per_second: f64,
}

/// How many notifications are counted since a time: fewer than there were, as each process saves its counts every 10 s.
#[derive(ToSchema)]
pub struct OverviewLatest {
    /// The end of the minute of the rates.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Accepted.
    accepted: u64,
    /// Delivered.
    delivered: u64,
    /// Failed.
    failed: u64,
}

/// Percentiles in milliseconds; null without durations.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OverviewDurations {
    /// The median.
    p50_ms: Option<u64>,
    /// The 95th percentile.
    p95_ms: Option<u64>,
}

/// A channel, as all workers see it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ChannelState {
    /// The channel.
    #[schema(example = "email")]
    channel: String,
    /// `delivering`; `paused`: the provider limits the rate; `away`: the provider is down; `stopped`: by an operator;
    /// `no_worker`: no worker delivers it; `unknown`: PostgreSQL does not respond. Of several workers, the worst counts.
    #[schema(example = "delivering")]
    state: String,
    /// The provider; null if no worker delivers the channel.
    #[schema(example = "smtp")]
    provider: Option<String>,
    /// Since when it is away or stopped.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Why.
    reason: Option<String>,
    /// How many destinations are down, as the worker sees it that knows of most. Only for webhooks.
    #[schema(required = false)]
    destinations_away: Option<u64>,
    /// Ready messages in its queue; null if the broker does not answer.
    depth: Option<u32>,
    /// Consumers of its queue; null if the broker does not answer.
    consumers: Option<u32>,
    /// How many workers deliver it.
    workers: u64,
    /// Whether an operator has stopped it.
    stopped: bool,
    /// Who stopped it. Absent if nobody has.
    #[schema(required = false)]
    stop: Option<ChannelStop>,
}

/// Who stopped a channel.
#[derive(ToSchema)]
pub struct ChannelStop {
    /// The subject of the token, or the tool.
    by: String,
    /// Why.
    reason: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// A delay queue of the ladder.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OverviewRung {
    /// Its number, from 1.
    rung: u32,
    /// How long a message waits in it.
    delay_ms: u64,
    /// How many wait; null if the broker does not answer.
    messages: Option<u32>,
}

/// A process that runs.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OverviewProcess {
    /// `api` or `worker`.
    #[schema(example = "worker")]
    program: String,
    /// Its version.
    version: String,
    /// What a worker serves: `WORKER_CHANNELS`. Empty for an API.
    stages: Vec<String>,
    /// When it started.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it last reported. Reports are 5 s apart.
    #[schema(value_type = String, format = DateTime)]
    seen_at: Timestamp,
}
