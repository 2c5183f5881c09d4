use tidings_db::user_deletions::{self, DeletionRow, DeletionSettings, RequestResult};
use tidings_db::{IsolationLevel, TransactionOptions, credentials};
use tidings_domain::notification::UserId;

use super::password_change::check_password;
use super::{AccountError, AccountsState, ClientInfo, GivenPassword};

/// Requests the deletion of a user who knows the password. Ends the sessions.
///
/// # Errors
///
/// Returns [`AccountError::InvalidCredentials`] if the password is wrong, and [`AccountError::LastAdmin`] if no other user is
/// an admin.
pub async fn delete_account(
    state: &AccountsState,
    user: UserId,
    password: GivenPassword,
    settings: &DeletionSettings,
    client: &ClientInfo,
) -> Result<DeletionRow, AccountError> {
    let checked = check_password(state, user, password, client).await?;
    let origin = client.acting_as(user);
    let options = TransactionOptions {
        isolation: IsolationLevel::Serializable,
        ..TransactionOptions::default()
    };
    let result = state
        .database
        .transaction(options, async |transaction| {
            if !credentials::is_verified(transaction, user, &checked.hash).await? {
                return Ok(Err(AccountError::InvalidCredentials));
            }
            checked.attempt.succeeded(transaction).await?;
            user_deletions::request(transaction, &origin, user, settings, None)
                .await
                .map(Ok)
        })
        .await?;
    match result? {
        RequestResult::Requested(row) | RequestResult::Existed(row) => Ok(row),
        RequestResult::LastAdmin => Err(AccountError::LastAdmin),
        RequestResult::UnknownUser => Err(AccountError::NotFound),
    }
}
