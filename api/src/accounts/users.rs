use tidings_db::credentials;
use tidings_domain::notification::UserId;

use super::{AccountError, AccountUser, AccountsState};

/// Finds a user.
///
/// # Errors
///
/// Returns the error of the database.
pub async fn get_user(
    state: &AccountsState,
    user: UserId,
) -> Result<Option<AccountUser>, AccountError> {
    let found = state
        .database
        .run(async |client| credentials::find_by_id(client, user).await)
        .await?;
    Ok(found.map(AccountUser::from))
}
