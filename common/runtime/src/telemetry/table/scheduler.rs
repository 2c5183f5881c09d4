use super::group;

group! {
    "Scheduler and jobs"
    /// How late the oldest due notification is that no scheduler has released. Channels that are stopped do not count.
    tidings_scheduler_overdue_seconds: Gauge [Api Worker] [];
    /// Scheduled notifications that were published or, in-app, processed.
    tidings_scheduler_released_total: Counter [Worker] ["type"];
    /// Scheduled notifications that expired before their release.
    tidings_scheduler_expired_total: Counter [Worker] [];
    /// Notifications that recurring schedules have created.
    tidings_schedules_runs_total: Counter [Worker] [];
    /// Occurrences of recurring schedules that did not run, because of an outage or a failure.
    tidings_schedules_skipped_total: Counter [Worker] [];
    /// Recurring schedules that were paused because they failed.
    tidings_schedules_failed_total: Counter [Worker] [];
    /// How late the oldest due recurring schedule is that no scheduler has run.
    tidings_schedules_overdue_seconds: Gauge [Worker] [];
    /// Digests that were closed; `result`: `sent`, `single` (one notification arrives as itself) or `empty`.
    tidings_digests_closed_total: Counter [Worker] ["result"];
    /// Notifications that were sent in digests, or as the only one of theirs.
    tidings_digest_items_sent_total: Counter [Worker] [];
    /// Notifications whose digest was missing and that were decided again. More than 0 is a fault.
    tidings_digest_items_reopened_total: Counter [Worker] [];
    /// How late the oldest open digest is.
    tidings_digests_overdue_seconds: Gauge [Worker] [];
    /// Messages that jobs have published; `result`: `done` or `failed`.
    tidings_replay_messages_total: Counter [Worker] ["result"];
    /// Deletions of users that are due and wait because `DELETIONS_PER_DAY` is reached, or because no scheduler runs.
    tidings_deletions_due: Gauge [Worker] [];
    /// How late the oldest of them is.
    tidings_deletions_overdue_seconds: Gauge [Worker] [];
    /// Erasures of users that this process has finished.
    tidings_users_erased_total: Counter [Worker] [];
}
