use actix_web::HttpResponse;
use tidings_db::TransactionOptions;
use tidings_db::inbox::{self, Changed, InboxChange};
use tidings_domain::notification::{MessageId, UserId};

use super::owner::InboxOwner;
use crate::audit::Origin;
use crate::error::ApiError;
use crate::handlers::notifications::{NotificationLookup, parse_message_id};
use crate::state::AppState;

/// Changes one notification of an inbox. Answers 204 whether it was in this state before or not.
///
/// # Errors
///
/// Returns 400 if the id is not a UUID, and 404 if the notification is not in the inbox.
pub(super) async fn mark(
    state: &AppState,
    InboxOwner(user): InboxOwner,
    origin: &Origin,
    id: &str,
    change: InboxChange,
) -> Result<HttpResponse, ApiError> {
    let id = parse_message_id(id)?;
    let changed = mark_all(state, user, origin, &[id], change).await?;
    if changed.found.is_empty() {
        return Err(NotificationLookup::not_found());
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Changes notifications of an inbox, and tells the streams of its user.
///
/// # Errors
///
/// Returns 503 if the database is unavailable.
pub(super) async fn mark_all(
    state: &AppState,
    user: UserId,
    origin: &Origin,
    ids: &[MessageId],
    change: InboxChange,
) -> Result<Changed, ApiError> {
    let changed = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            inbox::change(transaction, user, ids, change, &origin.0).await
        })
        .await?;
    if changed.changed > 0 {
        state.inbox.changed(user);
    }
    Ok(changed)
}
