//! `POST /recover/{link}`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::audit::{ActorKind, AuditOrigin};
use tidings_db::user_deletions::{self, LinkedDeletion, RecoveryLink};
use tidings_db::{DbError, TransactionOptions};

use super::link_of;
use super::page::{page, unavailable};
use crate::accounts::ClientInfo;
use crate::client_info::client_info;
use crate::state::AppState;

/// Cancels the deletion of an account, if it waits. A repetition changes nothing. The link is the only credential.
#[utoipa::path(post, path = "/recover/{link}", operation_id = "cancelDeletion", tag = "accounts",
    params(("link" = String, Path, description = "The signed part of the link in the recovery e-mail")),
    responses(
        (status = 200, description = "The deletion is cancelled", body = String, content_type = "text/html"),
        (status = 404, description = "The link is not valid", body = String, content_type = "text/html"),
        (status = 410, description = "The account is erased, or is being erased; or the deletion was requested again, and the link is too old", body = String, content_type = "text/html"),
        (status = 503, description = "The database is unavailable; try again after `Retry-After` seconds", body = String, content_type = "text/html"),
    ),
)]
pub async fn handle(request: HttpRequest, state: Data<AppState>) -> HttpResponse {
    let Some(link) = link_of(&request) else {
        return page(None);
    };
    let client = client_info(&request);
    match cancel(&state, &link, &client).await {
        Ok(found) => page(found.as_ref()),
        Err(error) => unavailable(&error, &client.request_id),
    }
}

/// Returns the deletion after that.
async fn cancel(
    state: &AppState,
    link: &RecoveryLink,
    client: &ClientInfo,
) -> Result<Option<LinkedDeletion>, DbError> {
    let (found, cancelled) = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let Some(mut found) = user_deletions::find_by_link(transaction, link).await? else {
                return Ok((None, false));
            };
            let user = found.deletion.user_id.to_string();
            let agent = client.user_agent.as_deref();
            let origin = AuditOrigin::new(ActorKind::User, &user).with_request(
                &client.request_id,
                client.ip,
                agent,
            );
            let deletion = found.deletion.id;
            let cancelled = user_deletions::cancel(transaction, &origin, deletion).await?;
            let is_cancelled = cancelled.is_some();
            match cancelled {
                Some(deletion) => found.deletion = deletion,
                // It may have changed since it was found.
                None => {
                    if let Some(now) = user_deletions::find_by_link(transaction, link).await? {
                        found = now;
                    }
                }
            }
            Ok((Some(found), is_cancelled))
        })
        .await?;
    if let (Some(found), true) = (&found, cancelled) {
        let user = found.deletion.user_id;
        tracing::info!(user_id = %user, request_id = client.request_id, "deletion of a user cancelled");
        state.api_keys.refresh();
    }
    Ok(found)
}
