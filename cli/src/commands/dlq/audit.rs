//! The entries of the audit log about dead letters.

use tidings_db::audit::{Action, AuditEntry, AuditOrigin, TargetKind};

/// An entry about dead letters of `queue`, or about failed notifications. Names the first of their ids, as many as one entry
/// is for.
pub fn entry<'a>(
    origin: &'a AuditOrigin,
    action: Action,
    queue: &str,
    ids: impl ExactSizeIterator<Item = Option<String>>,
) -> AuditEntry<'a> {
    let count = ids.len();
    let ids: Vec<String> = ids.flatten().collect();
    origin
        .entry(action)
        .on(TargetKind::DeadLetterQueue, queue)
        .with("count", count)
        .with("messageIds", ids)
}
