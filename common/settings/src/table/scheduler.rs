use super::group;
use crate::Setting;

group! {
    /// Any number of workers may run a scheduler. They share the work.
    "Worker: scheduler"
    /// Maximum number of due notifications in one transaction.
    SCHEDULER_BATCH_SIZE: [Worker] = Setting::number(1, 10_000).default("500").unit("notifications");
    /// How often a scheduler looks for due notifications. While there are more than one batch, it does not wait.
    SCHEDULER_POLL_MS: [Worker] = Setting::number(50, 60_000).default("1000").unit("ms");
}
