use tidings_domain::notification::UserId;
use tidings_domain::preference::{NewChoice, PreferenceSource};

use crate::error::DbError;
use crate::{Transaction, notifications, users};

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
    let put = transaction
        .prepare_cached(
            "INSERT INTO preferences (user_id, category, channel, enabled, source) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (user_id, category, channel) DO UPDATE
             SET enabled = excluded.enabled, source = excluded.source, updated_at = now()
             WHERE preferences.enabled <> excluded.enabled",
        )
        .await?;
    let reset = transaction
        .prepare_cached(
            "DELETE FROM preferences WHERE user_id = $1 AND category = $2 AND channel = $3",
        )
        .await?;
    let id = user.as_uuid();
    let mut changed = 0;
    for choice in choices {
        let (category, channel) = (choice.category.as_str(), choice.channel.as_str());
        changed += match choice.enabled {
            Some(enabled) => {
                transaction
                    .execute(
                        &put,
                        &[&id, &category, &channel, &enabled, &source.as_str()],
                    )
                    .await?
            }
            None => {
                transaction
                    .execute(&reset, &[&id, &category, &channel])
                    .await?
            }
        };
    }
    if changed == 0 {
        return Ok(SetResult::Unchanged);
    }
    notifications::wake_held(transaction, user).await?;
    Ok(SetResult::Changed)
}
