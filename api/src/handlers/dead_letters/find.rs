//! `GET /api/dead-letters/{id}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use tidings_db::dead_letters;

use super::check_read;
use super::view::DeadLetterView;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::jobs::path_id;
use crate::state::AppState;

/// Returns a dead letter without its payload. Needs the scope `dashboard` or `dead-letters:write`.
#[utoipa::path(get, path = "/api/dead-letters/{id}", operation_id = "getDeadLetter", tag = "dead letters",
    params(("id" = uuid::Uuid, Path, description = "The `id` of the list")),
    responses(
        (status = 200, description = "The dead letter", body = DeadLetterView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has neither the scope `dashboard` nor `dead-letters:write`", body = crate::error::ErrorBody),
        (status = 404, description = "There is no dead letter with this id, or no more", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    check_read(&caller)?;
    let id = path_id(&id)?;
    let found = state
        .database
        .run(async |client| dead_letters::find(client, id).await)
        .await?;
    let row = found.ok_or_else(|| ApiError::not_found("There is no dead letter with this id"))?;
    Ok(HttpResponse::Ok().json(DeadLetterView::from(row)))
}
