use super::group;

group! {
    "Retention"
    /// Notifications in the table, as PostgreSQL estimates it.
    tidings_notification_rows: Gauge [Worker] [];
    /// Bytes of the table of notifications and its indexes.
    tidings_notification_table_bytes: Gauge [Worker] [];
    /// Age of the oldest notification.
    tidings_notification_oldest_seconds: Gauge [Worker] [];
    /// What was removed.
    tidings_retention_removed_total: Counter [Worker] ["what"];
    /// Dead letters that were removed from their queue.
    tidings_retention_dead_letters_removed_total: Counter [Worker] [];
    /// Sweeps that were finished.
    tidings_retention_sweeps_total: Counter [Worker] [];
    /// The time since the last sweep of any process.
    tidings_retention_last_sweep_age_seconds: Gauge [Worker] [];
}
