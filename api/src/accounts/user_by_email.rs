//! Requests of somebody who is not logged in and names an e-mail address. Neither the response nor its time tells whether a
//! user has the address.

use std::time::Duration;

use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::users::{self, UserRow};
use tidings_db::{DbError, Transaction, TransactionOptions};
use tidings_domain::content::EmailAddress;
use tidings_domain::notification::UserId;

use super::{AccountError, AccountsState, ClientInfo};

/// Longer than it takes to find a user and to record a message.
const SHORTEST_RESPONSE: Duration = Duration::from_millis(250);

/// Waits for `work`, and, unless it fails, at least [`SHORTEST_RESPONSE`].
///
/// # Errors
///
/// Returns the error of `work`.
pub(super) async fn at_least(
    work: impl Future<Output = Result<(), AccountError>>,
) -> Result<(), AccountError> {
    let shortest = tokio::time::sleep(SHORTEST_RESPONSE);
    work.await?;
    shortest.await;
    Ok(())
}

/// Does `work` for the user with this address, in a transaction that also writes an entry of the audit log. Returns the user;
/// `None` if no user has the address, or if `work` changed nothing.
///
/// # Errors
///
/// Returns the error of the database.
pub(super) async fn for_user_with(
    state: &AccountsState,
    email: &EmailAddress,
    client: &ClientInfo,
    action: Action,
    work: impl AsyncFnOnce(&Transaction<'_>, UserRow) -> Result<bool, DbError> + Clone,
) -> Result<Option<UserId>, DbError> {
    let origin = client.anonymous();
    let origin = &origin;
    state
        .database
        .transaction(
            TransactionOptions::default(),
            async move |transaction: &Transaction<'_>| {
                let Some(user) = users::find_by_email(transaction, email).await? else {
                    return Ok(None);
                };
                let id = user.id;
                if !work(transaction, user).await? {
                    return Ok(None);
                }
                let entry = origin.entry(action).on(TargetKind::User, id);
                audit::record(transaction, &entry).await?;
                Ok(Some(id))
            },
        )
        .await
}
