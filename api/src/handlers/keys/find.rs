//! `GET /api/keys/{id}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::api_keys;

use super::access::KeyAccess;
use super::view::KeyView;
use crate::error::ApiError;
use crate::state::AppState;

/// Returns an API key without its secret. Needs the scope `keys:write`.
#[utoipa::path(get, path = "/api/keys/{id}", operation_id = "getApiKey", tag = "API keys",
    params(("id" = String, Path, description = "The key's id", pattern = "^[0-9A-Za-z]{10}$")),
    responses(
        (status = 200, description = "The key", body = KeyView),
        (status = 400, description = "The id does not have 10 letters and digits", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has neither the scope `keys:write` nor `dashboard`", body = crate::error::ErrorBody),
        (status = 404, description = "The key does not exist", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, access: KeyAccess) -> Result<HttpResponse, ApiError> {
    let KeyAccess(id) = access;
    let found = state
        .database
        .run(async |client| api_keys::find(client, id).await)
        .await?;
    let row = found.ok_or_else(KeyAccess::not_found)?;
    Ok(HttpResponse::Ok().json(KeyView::from(row)))
}
