//! The table `audit_log`: who changed what.
//!
//! An action and its entry share a transaction, so that neither exists without the other. PostgreSQL refuses to change or
//! delete entries (migration 31); old ones go with their partition.

mod action;
mod entry;
mod read;
mod record;
mod repeated;
mod retention;

pub use action::{Action, UnknownAction};
pub use entry::{ActorKind, AuditEntry, AuditOrigin, Outcome, TargetKind};
pub use read::{AuditFilter, AuditRow, list};
pub use record::{record, record_all};
pub use repeated::is_recorded_as;
pub use retention::{AuditRetention, Maintained, erase_user, maintain};
