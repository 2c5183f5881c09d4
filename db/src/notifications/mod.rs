//! The table `notifications`: inserting, reading, and the allowed transitions of a row's status.

mod bench;
mod claim;
mod failed;
mod insert;
mod read;
mod transitions;

pub use bench::{BenchRow, count_of_users, rows_of_user};
pub use claim::{
    ClaimResult, ClaimedNotification, LeaseToken, claim, record_deferral, record_delivery,
    record_failed_attempt, renew_lease,
};
pub use failed::{FailedFilter, failed_deliveries};
pub use insert::{InsertedIds, RecordedState, insert_batch, recorded_states};
pub use read::{IdCursor, NotificationFilter, NotificationRow, exists, find, list};
pub use transitions::{mark_failed, mark_processed, reset_for_replay};
