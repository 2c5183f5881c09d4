use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::user_deletions::{self, DeletionSettings};
use tidings_db::{TransactionOptions, users};
use tidings_domain::content::EmailAddress;

use super::recovery::SHORTEST_RESPONSE;
use super::throttle::take_message;
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
    let at_least = tokio::time::sleep(SHORTEST_RESPONSE);
    match take_message(state, client).await {
        Ok(()) => {}
        Err(AccountError::TooManyAttempts { .. }) => {
            tracing::info!(
                request_id = client.request_id,
                "too many messages of a network"
            );
            at_least.await;
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    let origin = client.anonymous();
    let sent = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let Some(user) = users::find_by_email(transaction, &email).await? else {
                return Ok(None);
            };
            if !user_deletions::send_recovery_mail(transaction, user.id, settings).await? {
                return Ok(None);
            }
            let entry = origin
                .entry(Action::AuthRecover)
                .on(TargetKind::User, user.id);
            audit::record(transaction, &entry).await?;
            Ok(Some(user.id))
        })
        .await?;
    if let Some(user) = sent {
        tracing::info!(user_id = %user, request_id = client.request_id, "a recovery e-mail is sent");
    }
    at_least.await;
    Ok(())
}
