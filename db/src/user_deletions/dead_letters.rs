use tidings_domain::notification::{MessageId, UserId};
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// Returns which of these dead letters are about a user who is erased, or is being erased, in their order. A dead letter names
/// its user, or the notification whose row does.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn are_erased(
    client: &impl GenericClient,
    letters: &[(Option<MessageId>, Option<UserId>)],
) -> Result<Vec<bool>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT EXISTS (
                 SELECT FROM users
                 WHERE erased_at IS NOT NULL
                       AND id = coalesce(letter.user_id, (SELECT notifications.user_id FROM notifications
                                                          WHERE notifications.message_id = letter.message_id)))
             FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS letter (message_id, user_id, n)
             ORDER BY n",
        )
        .await?;
    let (ids, users): (Vec<Option<Uuid>>, Vec<Option<Uuid>>) = letters
        .iter()
        .map(|(id, user)| (id.map(MessageId::as_uuid), user.map(UserId::as_uuid)))
        .unzip();
    let rows = client.query(&statement, &[&ids, &users]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
