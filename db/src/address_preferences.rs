//! The table `address_preferences`: what recipients without an account chose to receive, and what not.

use tidings_domain::preference::{AddressHash, NewChoice, PreferenceSource};

use crate::error::DbError;
use crate::{Transaction, choices};

/// Makes choices of the recipient with this address, or takes them back. Of two choices about the same, the last one counts.
/// Returns whether something has changed.
///
/// Nothing has to be decided again, as it has for a user: quiet hours and limits are those of users, so nothing of a recipient
/// without an account waits for them. What its sender has scheduled is decided when it is due.
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
    let changed = choices::set(transaction, &address.into(), choices, source).await?;
    Ok(changed > 0)
}
