//! The table `notifications`: inserting, reading, and the allowed transitions of a row's status.

mod bench;
mod bulk_transitions;
mod cancel;
mod claim;
mod claim_end;
mod claimed_category;
mod claims_in_progress;
mod count;
mod ended;
mod failed;
mod filter;
mod fingerprints;
mod first_state;
mod group_senders;
mod insert;
mod insert_rows;
mod listed;
mod not_claimed;
mod preferences;
mod read;
mod record;
mod release;
mod release_figures;
mod rendering;
mod reschedule;
mod search;
mod search_cursor;
mod sent;
mod slots;
mod timeline;
mod transitions;
mod wake;
mod withheld_by;

pub use bench::{BenchRow, count_of_users, count_scheduled, rows_of_user};
pub use bulk_transitions::{
    mark_all_processed, purge_failed, reset_all_for_replay, restart_waiting,
};
pub use cancel::{
    CancelResult, SenderScope, cancel, cancel_group, count_open_in_group, expire_overdue,
};
pub(crate) use claim::USER_IS_GONE;
pub use claim::{ClaimRequest, ClaimResult, ClaimedNotification, LeaseToken, claim, renew_lease};
pub use claim_end::{ClaimEnd, ClaimEndResult, LockedRows, end_claims};
pub use claimed_category::ClaimedCategory;
pub use claims_in_progress::wait_for_claims;
pub(crate) use count::count_recorded;
pub use failed::{FailedDelivery, FailedFilter, failed_deliveries};
pub use filter::NotificationFilter;
pub use fingerprints::{FingerprintRequest, find_fingerprints};
pub(crate) use first_state::FirstState;
pub use group_senders::senders_of_group;
pub use insert::{
    Inserted, RecordedBy, RecordedState, insert_batch, insert_for_scheduler, recorded_states,
};
pub(crate) use insert::{InsertedRow, InsertedRows, insert_batch_by};
pub(crate) use insert_rows::insert_rows;
pub use listed::ListedNotification;
pub(crate) use preferences::user_refuses;
pub(crate) use read::COLUMNS as NOTIFICATION_COLUMNS;
pub use read::{IdCursor, NotificationRow, PayloadReader, exists, find};
pub use record::{RecordError, RecordResult, record, record_by_intake};
pub use release::{DueBatch, DueNotification, give_back_leases, lease_due, mark_released};
pub use release_figures::{HeldForBroker, held_for_broker, overdue};
pub use rendering::{Rendering, RenderingError, find_rendering};
pub use reschedule::{RescheduleResult, reschedule};
pub use search::{
    MAX_SEARCHED, MAX_SEARCHED_WITH_ATTEMPTS, SearchPage, list, search, search_without_contents,
};
pub use search_cursor::SearchCursor;
pub use sent::{
    SentCursor, SentNotification, list_sent, list_sent_without_contents, numbers_sent_to,
    sent_cursor_after,
};
pub use slots::{SlotCount, ThrottledNotifications, count_slots, take_slots};
pub use timeline::{TimelineRow, find_timeline, masked_addresses};
pub use transitions::{mark_failed, mark_processed, mark_request_failed, reset_for_replay};
pub(crate) use wake::wake_held;
pub use withheld_by::{WithheldBy, withheld_by};
