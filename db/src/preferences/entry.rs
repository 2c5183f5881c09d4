use tidings_domain::notification::UserId;
use tidings_domain::preference::NewChoice;

use crate::Transaction;
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;

/// Writes an entry of the audit log about choices that somebody else has made for the user. What users choose themselves is in
/// the table only.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record_change(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    user: UserId,
    choices: &[NewChoice],
) -> Result<(), DbError> {
    if origin.is_user(user) {
        return Ok(());
    }
    let text = |choice: &NewChoice| {
        let enabled = match choice.enabled {
            Some(true) => "on",
            Some(false) => "off",
            None => "reset",
        };
        format!("{}/{}: {enabled}", choice.category, choice.channel)
    };
    let chosen: Vec<String> = choices.iter().map(text).collect();
    let entry = origin
        .entry(Action::PreferencesUpdate)
        .on(TargetKind::User, user)
        .with("preferences", chosen);
    audit::record(transaction, &entry).await
}
