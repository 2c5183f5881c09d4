//! `GET /api/notifications/{messageId}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use tidings_db::notifications;
use tidings_db::sending_switches::{self, SendingSwitches};

use super::NotificationView;
use super::lookup::NotificationLookup;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// Returns a notification, once it is recorded.
#[utoipa::path(get, path = "/api/notifications/{messageId}", operation_id = "getNotification", tag = "notifications",
    params(("messageId" = uuid::Uuid, Path, description = "The `messageId` that the POST returned")),
    responses(
        (status = 200, description = "The notification", body = NotificationView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow reading notifications", body = crate::error::ErrorBody),
        (status = 404, description = "The notification does not exist, is not recorded yet, or belongs to another user", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let NotificationLookup { id, owner } = NotificationLookup::new(&caller, &id)?;
    let found = state
        .database
        .run(async |client| {
            let Some(row) = notifications::find(client, id, owner).await? else {
                return Ok(None);
            };
            // Of what has ended, a stop says nothing.
            let switches = if NotificationView::is_open(&row) {
                sending_switches::list(client).await?
            } else {
                SendingSwitches::default()
            };
            let rows = [row];
            let rule = notifications::withheld_by(client, &rows).await?.remove(&id);
            let [row] = rows;
            Ok(Some((row, rule, switches)))
        })
        .await?;
    let (row, rule, switches) = found.ok_or_else(NotificationLookup::not_found)?;
    let view = NotificationView::new(row, &caller)?;
    let view = view.withheld_by(rule.as_ref()).unless_stopped(&switches);
    let view = view.with_trace_url(state.trace_url_for(owner));
    Ok(HttpResponse::Ok().json(view))
}
