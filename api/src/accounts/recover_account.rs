use tidings_db::audit::Action;
use tidings_db::user_deletions::{self, DeletionSettings};
use tidings_domain::content::EmailAddress;

use super::throttle::take_message;
use super::user_by_email::{at_least, for_user_with};
use super::{AccountError, AccountsState, ClientInfo};

/// Sends the user with this address another e-mail with a link that cancels the deletion. The result is the same if there is no
/// such user, if no deletion waits, and if the user or the network of the client has caused too many e-mails: then nothing is
/// sent.
///
/// # Errors
///
/// Returns the error of the database.
pub async fn recover_account(
    state: &AccountsState,
    settings: &DeletionSettings,
    email: EmailAddress,
    client: &ClientInfo,
) -> Result<(), AccountError> {
    at_least(async {
        match take_message(state, client).await {
            Ok(()) => {}
            Err(AccountError::TooManyAttempts { .. }) => {
                tracing::info!(
                    request_id = client.request_id,
                    "too many messages of a network"
                );
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        let action = Action::AuthRecover;
        let sent = for_user_with(state, &email, client, action, async |transaction, user| {
            user_deletions::send_recovery_mail(transaction, user.id, settings).await
        });
        if let Some(user) = sent.await? {
            tracing::info!(user_id = %user, request_id = client.request_id, "a recovery e-mail is sent");
        }
        Ok(())
    })
    .await
}
