//! `GET /api/categories`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::categories;
use tidings_domain::access::Scope;

use super::view::{CategoryList, CategoryView};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// Returns all categories, by name: there are few. Needs the scope `categories:write`.
#[utoipa::path(get, path = "/api/categories", operation_id = "listCategories", tag = "categories",
    responses(
        (status = 200, description = "The categories", body = CategoryList),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has neither the scope `categories:write` nor `dashboard`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.check_any([Scope::CategoriesWrite, Scope::Dashboard])?;
    let rows = state
        .database
        .run(async |client| categories::list(client).await)
        .await?;
    let categories = rows.into_iter().map(CategoryView::from).collect();
    Ok(HttpResponse::Ok().json(CategoryList { categories }))
}
