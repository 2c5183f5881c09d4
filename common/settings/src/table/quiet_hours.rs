use super::group;
use crate::{Setting, SettingKind};

group! {
    "Quiet hours"
    /// The time zone of users who have set none: a name of the IANA database. The quiet hours of users are local times.
    DEFAULT_TIMEZONE: [Api Worker Tidings] = Setting::of(SettingKind::Text).default("UTC").example("Europe/Berlin");
    /// The time over which notifications are sent that wait for the end of quiet hours: each user has a place of its own in
    /// it. Otherwise all users of a country would get theirs in the same second.
    QUIET_SPREAD_SECS: [Worker Tidings] = Setting::number(0, 3600).default("300").unit("s");
}
