//! `DELETE /api/categories/{name}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::TransactionOptions;
use tidings_db::categories::{self, DeleteResult};

use super::path::CategoryPath;
use crate::audit::Origin;
use crate::error::ApiError;
use crate::state::AppState;

/// Deletes a category. Needs the scope `categories:write`.
///
/// What users have chosen about it stays, and counts again if the category is created again. Its notifications are handled as
/// transactional.
#[utoipa::path(delete, path = "/api/categories/{name}", operation_id = "deleteCategory", tag = "categories",
    params(("name" = String, Path, description = "The name of the category")),
    responses(
        (status = 204, description = "The category is deleted"),
        (status = 400, description = "The name is not that of a category", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 404, description = "The category does not exist", body = crate::error::ErrorBody),
        (status = 409, description = "`category_built_in`: the category cannot be deleted", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    path: CategoryPath,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let CategoryPath(name) = path;
    let deleted = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            categories::delete(transaction, &name, &origin.0).await
        })
        .await?;
    match deleted {
        DeleteResult::Deleted => {}
        DeleteResult::BuiltIn => return Err(CategoryPath::built_in()),
        DeleteResult::NotFound => return Err(CategoryPath::not_found()),
    }
    state.control.set_category(&name, None);
    tracing::info!(category = %name, actor = origin.0.actor(), "category deleted");
    Ok(HttpResponse::NoContent().finish())
}
