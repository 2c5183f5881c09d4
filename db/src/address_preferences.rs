//! The table `address_preferences`: what recipients without an account chose to receive, and what not.

use tidings_domain::preference::{AddressHash, NewChoice, PreferenceSource};

use crate::Transaction;
use crate::error::DbError;

/// Makes choices of the recipient with this address, or takes them back. Of two choices about the same, the last one counts.
/// Returns whether something has changed.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn set(
    transaction: &Transaction<'_>,
    address: AddressHash,
    choices: &[NewChoice],
    source: PreferenceSource,
) -> Result<bool, DbError> {
    let put = transaction
        .prepare_cached(
            "INSERT INTO address_preferences (address_hash, category, channel, enabled, source)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (address_hash, category, channel) DO UPDATE
             SET enabled = excluded.enabled, source = excluded.source, updated_at = now()
             WHERE address_preferences.enabled <> excluded.enabled",
        )
        .await?;
    let reset = transaction
        .prepare_cached(
            "DELETE FROM address_preferences WHERE address_hash = $1 AND category = $2 AND channel = $3",
        )
        .await?;
    let hash = address.as_bytes().as_slice();
    let mut changed = 0;
    for choice in choices {
        let (category, channel) = (choice.category.as_str(), choice.channel.as_str());
        changed += match choice.enabled {
            Some(enabled) => {
                transaction
                    .execute(
                        &put,
                        &[&hash, &category, &channel, &enabled, &source.as_str()],
                    )
                    .await?
            }
            None => {
                transaction
                    .execute(&reset, &[&hash, &category, &channel])
                    .await?
            }
        };
    }
    Ok(changed > 0)
}
