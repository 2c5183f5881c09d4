use super::group;
use crate::{Setting, SettingKind};

group! {
    "Worker: intake"
    /// The stages that this process serves, separated by commas: `intake`, `scheduler`, `events`, `email`, `sms`,
    /// `push`, `webhook`.
    WORKER_CHANNELS: [Worker] = Setting::of(SettingKind::List)
        .described("intake, scheduler, events and every channel that has a provider").example("intake,email");
    /// Maximum number of unacknowledged messages.
    CONSUMER_PREFETCH: [Worker] = Setting::number(1, 65535).default("2048").unit("messages");
    /// Maximum size of these messages together, if each is as large as `MAX_BODY_BYTES` allows: the worker prefetches
    /// fewer messages if they would not fit. At least 4 KiB more than `MAX_BODY_BYTES`.
    CONSUMER_PREFETCH_BYTES: [Worker] = Setting::number(1_048_576, 68_719_476_736).default("134217728").unit("bytes");
    /// Maximum number of messages in one transaction.
    INTAKE_BATCH_SIZE: [Worker] = Setting::number(1, 10_000).default("256").unit("messages");
    /// Maximum number of transactions at the same time.
    INTAKE_CONCURRENCY: [Worker] = Setting::number(1, 256).default("4").unit("transactions");
    /// Minimum time between the starts of two transactions, unless the second is full. Under load, more messages
    /// share the cost of a transaction. A message on an idle queue does not wait.
    INTAKE_BATCH_INTERVAL_MS: [Worker] = Setting::number(0, 1000).default("10").unit("ms");
}
