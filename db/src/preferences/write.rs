use tidings_domain::notification::UserId;
use tidings_domain::preference::{NewChoice, PreferenceSource};

use crate::error::DbError;
use crate::{Transaction, choices, notifications, users};

/// The result of [`set`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetResult {
    /// Something has changed.
    Changed,
    /// The choices were made before.
    Unchanged,
    /// The user does not exist, or is erased.
    UnknownUser,
}

/// Makes choices of a user, or takes them back. Of two choices about the same, the last one counts. If something changes, the
/// notifications of the user that wait are decided again.
///
/// Locks the user's row until the transaction ends.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn set(
    transaction: &Transaction<'_>,
    user: UserId,
    choices: &[NewChoice],
    source: PreferenceSource,
) -> Result<SetResult, DbError> {
    if !users::lock(transaction, user).await? {
        return Ok(SetResult::UnknownUser);
    }
    let changed = choices::set(transaction, &user.into(), choices, source).await?;
    if changed == 0 {
        return Ok(SetResult::Unchanged);
    }
    notifications::wake_held(transaction, user).await?;
    Ok(SetResult::Changed)
}
