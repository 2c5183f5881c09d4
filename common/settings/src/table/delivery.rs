use super::group;
use crate::Setting;

group! {
    "Worker: delivery"
    /// Maximum number of emails that the worker sends at the same time.
    EMAIL_CONCURRENCY: [Worker] = Setting::number(1, 1000).default("16").unit("sends");
    /// Maximum number of text messages that the worker sends at the same time.
    SMS_CONCURRENCY: [Worker] = Setting::number(1, 1000).default("16").unit("sends");
    /// Maximum number of push messages that the worker sends at the same time.
    PUSH_CONCURRENCY: [Worker] = Setting::number(1, 1000).default("16").unit("sends");
    /// Maximum number of webhooks that the worker sends at the same time. A request that has waited for its response
    /// for 250 ms no longer counts, until eight times as many of those wait.
    WEBHOOK_CONCURRENCY: [Worker] = Setting::number(1, 1000).default("16").unit("sends");
    /// Maximum time of one send.
    PROVIDER_TIMEOUT_SECS: [Worker] = Setting::number(1, 300).default("10").unit("s");
    /// How long a worker holds a notification that it delivers. If the worker dies, another one may deliver the
    /// notification after this time. At least 5 more than `PROVIDER_TIMEOUT_SECS`.
    DELIVERY_LEASE_SECS: [Worker] = Setting::number(6, 3600).default("30").unit("s");
    /// Maximum number of messages of a channel that share a transaction when they are claimed, and again when their
    /// results are recorded. Under load, a message waits up to 3 ms for others that quick sends are about to add.
    DELIVERY_BATCH_SIZE: [Worker] = Setting::number(1, 1000).default("64").unit("messages");
    /// How often an email, a text message or a push message is sent again after an unknown outcome: it may have arrived,
    /// because there was no readable answer. Then it is a dead letter `outcome_unknown`. Webhooks have an id by which
    /// receivers recognise duplicates, so only `WEBHOOK_MAX_RETRIES` limits them.
    UNKNOWN_MAX: [Worker] = Setting::number(0, 100).default("2").unit("sends");
    /// Number of failures in a row after which a provider (for webhooks: a destination) counts as down. Messages
    /// that wait for a provider that is down use up no retries.
    BREAKER_FAILURES: [Worker] = Setting::number(1, 100_000).default("20").unit("failures");
    /// Time between two probes of a provider that is down. A probe is one message.
    BREAKER_PROBE_SECS: [Worker] = Setting::number(1, 3600).default("15").unit("s");
    /// How long a webhook waits for a destination that is down. After this time the message is a dead letter.
    WEBHOOK_DEFER_MAX_HOURS: [Worker] = Setting::number(1, 720).default("24").unit("h");
}
