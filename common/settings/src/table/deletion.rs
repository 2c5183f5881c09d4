use super::group;
use crate::Setting;

group! {
    /// A scheduler erases users whose deletion is due.
    "Deletion of users"
    /// How long a deletion waits. It can be cancelled meanwhile.
    DELETION_GRACE_HOURS: [Api Worker Tidings] = Setting::number(0, 8_760).default("24").unit("hours");
    /// Maximum number of e-mails with a link that cancels the deletion, for one user on one day, in UTC.
    RECOVERY_MAILS_PER_DAY: [Api Worker Tidings] = Setting::number(0, 100).default("2").unit("e-mails");
    /// Maximum number of erasures that begin on one day, in UTC. Further ones wait for the next day, the oldest first.
    DELETIONS_PER_DAY: [Worker] = Setting::number(1, 1_000_000).default("10").unit("users");
    /// `erase` erases what belongs to a user. `soft` only marks the user as deleted.
    DELETION_MODE: [Worker] = Setting::choice(&["erase", "soft"]).default("erase");
}
