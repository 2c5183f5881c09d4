//! The tables `user_deletions`, `deletion_days` and `recovery_mails`: the deletion of users.
//!
//! A deletion waits until its grace is over, and can be cancelled meanwhile. Then [`begin_due`] marks the user, within a limit
//! a day, and [`sweep()`] erases what belongs to the user, chunk by chunk. Each step is a transaction of its own and can be
//! repeated, so that another process continues after a crash.

mod begin;
mod cancel;
mod dead_letters;
mod link;
mod mail;
mod recovery_mail;
mod request;
mod row;
mod settings;
mod sweep;
mod waiting;
mod writers;

pub use begin::{begin_due, begin_now};
pub use cancel::cancel;
pub use dead_letters::are_erased;
pub use link::{InvalidRecoveryLink, LinkedDeletion, RecoveryLink, find_by_link};
pub use mail::{insert_templates, send_recovery_mail};
pub use recovery_mail::{CountedMail, count_recovery_mail};
pub use request::{RequestResult, request};
pub use row::{DeletionRow, DeletionStatus};
pub use settings::DeletionSettings;
pub use sweep::{Chunk, finish, mark_soft, sweep};
pub use waiting::{Backlog, backlog, erasing, of_user, waiting};
pub use writers::Writers;
