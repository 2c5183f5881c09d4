use super::group;

group! {
    "PostgreSQL"
    /// Open connections of a pool; `state`: `in_use` or `idle`.
    tidings_db_pool_connections: Gauge [Api Worker] ["pool" "state"];
    /// Time until a connection of a pool could be used, also if there was none in time. Includes the opening of a connection.
    tidings_db_pool_wait_seconds: Histogram [Api Worker] ["pool"];
    /// How long the oldest notification of a channel has waited that may be sent now: not one that waits for a retry, its
    /// time or its destination, and not one of a channel that is stopped. Looks at the 1000 oldest that are pending. Every
    /// 15 s, like the next two.
    tidings_backlog_oldest_seconds: Gauge [Api Worker] ["channel"];
    /// Dead letters that are neither replayed nor purged. The groups by reason, channel and provider share a limit of 10,000
    /// failed notifications, and another one of as many letters without a notification: of each group, an equal share is
    /// counted, and at least 200. `channel` is a channel, a stage or `none`. Beyond 100 pairs of `reason` and `channel`, both
    /// are `other`.
    tidings_dead_letters: Gauge [Api Worker] ["reason" "channel"];
    /// Jobs of replays and purges that do not go on; `cause`: `no_process` runs them for a minute, or an `error`.
    tidings_jobs_without_progress: Gauge [Api Worker] ["cause"];
}
