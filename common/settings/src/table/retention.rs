use super::group;
use crate::Setting;

group! {
    /// A scheduler sweeps every ten minutes. `tidings retention run` sweeps at once.
    "Retention"
    /// How long the payload of a notification is kept after the notification has ended. That of a failed one is kept for
    /// `RETENTION_DEAD_LETTER_DAYS` instead, so that it can be replayed.
    RETENTION_PAYLOAD_DAYS: [Worker Tidings] = Setting::number(1, 36_500).default("90").unit("days");
    /// How long a notification is kept after it has ended, with its delivery attempts and its cancellation. Its
    /// `Idempotency-Key` is remembered until then. 0 means for ever.
    RETENTION_ROW_DAYS: [Worker Tidings] = Setting::number(0, 36_500).default("400").unit("days");
    /// How long a dead letter stays in its queue, and the payload of a failed notification in its row. After that, the
    /// notification cannot be replayed. 0 means for ever.
    RETENTION_DEAD_LETTER_DAYS: [Worker Tidings] = Setting::number(0, 36_500).default("30").unit("days");
    /// How long the payload of a sensitive notification that has failed is kept, so that it can be replayed.
    SENSITIVE_REPLAY_HOURS: [Worker Tidings] = Setting::number(1, 8_760).default("24").unit("hours");
}
