use super::group;
use crate::Setting;

group! {
    "Scheduled notifications"
    /// How far ahead a notification may be scheduled.
    SCHEDULE_MAX_DAYS: [Api Worker Tidings] = Setting::number(1, 3660).default("366").unit("days");
}
