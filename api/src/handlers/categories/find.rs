//! `GET /api/categories/{name}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::categories;

use super::path::CategoryPath;
use super::view::CategoryView;
use crate::error::ApiError;
use crate::state::AppState;

/// Returns a category. Needs the scope `categories:write`.
#[utoipa::path(get, path = "/api/categories/{name}", operation_id = "getCategory", tag = "categories",
    params(("name" = String, Path, description = "The name of the category")),
    responses(
        (status = 200, description = "The category", body = CategoryView),
        (status = 400, description = "The name is not that of a category", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has neither the scope `categories:write` nor `dashboard`", body = crate::error::ErrorBody),
        (status = 404, description = "The category does not exist", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, path: CategoryPath) -> Result<HttpResponse, ApiError> {
    let CategoryPath(name) = path;
    let found = state
        .database
        .run(async |client| categories::find(client, &name).await)
        .await?;
    let row = found.ok_or_else(CategoryPath::not_found)?;
    Ok(HttpResponse::Ok().json(CategoryView::from(row)))
}
