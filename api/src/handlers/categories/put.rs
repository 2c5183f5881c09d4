//! `PUT /api/categories/{name}`.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::TransactionOptions;
use tidings_db::categories::{self, MAX_CATEGORIES, PutResult};
use utoipa::ToSchema;

use super::new_category;
use super::path::CategoryPath;
use super::view::{CategoryView, DigestRuleView, ThrottleView};
use crate::audit::Origin;
use crate::error::ApiError;
use crate::request_body::read_json;
use crate::state::AppState;

/// The definition of a category. What is absent has its default, also if the category existed before.
#[derive(ToSchema)]
#[schema(as = NewCategory)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewCategoryBody {
    /// `critical`: sent whatever the user has chosen. `marketing`: can always be unsubscribed. `transactional`: everything
    /// else.
    #[schema(default = "transactional")]
    kind: Option<String>,
    /// What users read instead of the name.
    #[schema(min_length = 1, max_length = 100, example = "Order updates")]
    label: Option<String>,
    /// What the category contains, for users.
    #[schema(min_length = 1, max_length = 1000)]
    description: Option<String>,
    /// Whether a user who has chosen nothing gets the notifications, by channel. Absent stands for true, which is the
    /// only value for critical categories.
    #[schema(value_type = Option<std::collections::HashMap<String, bool>>, example = json!({"sms": false}))]
    defaults: Option<()>,
    /// How many notifications each user gets by a channel. Null is no limit, and required for critical
    /// categories.
    throttle: Option<ThrottleView>,
    /// `obey`: the notifications wait for the end of a user's quiet hours. `ignore`: they do not.
    #[schema(default = "obey")]
    quiet: Option<String>,
    /// Whether users see the category among their preferences.
    #[schema(default = true)]
    listed: Option<bool>,
    /// Whether e-mails have a link to unsubscribe, if the category is transactional. Those of marketing categories always have
    /// one. False for critical categories.
    #[schema(default = false)]
    unsubscribe: Option<bool>,
    /// How the notifications are collected to digests. Null: each is a message of its own. `off` for critical categories.
    digest: Option<DigestRuleView>,
}

/// Creates a category, or replaces its definition. Needs the scope `categories:write`.
///
/// Notifications that wait are decided by the new definition. Other processes may know the old one for a second.
#[utoipa::path(put, path = "/api/categories/{name}", operation_id = "putCategory", tag = "categories",
    params(("name" = String, Path, description = "1 to 64 of a-z, 0-9, -, _ and ., beginning with a letter or a digit")),
    request_body = NewCategoryBody,
    responses(
        (status = 200, description = "The category existed before, and has this definition now", body = CategoryView),
        (status = 201, description = "The category is new", body = CategoryView, headers(("Location", description = "URL of the category"))),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 409, description = "`category_built_in`: the category cannot be changed. `too_many_categories`: there may be 500", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    path: CategoryPath,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let CategoryPath(name) = path;
    let body = read_json(&request, payload, &state).await?;
    let new = new_category::parse(&body)?;
    let put = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            categories::put(transaction, &name, &new, &origin.0).await
        })
        .await?;
    let (row, mut response) = match put {
        PutResult::Created(row) => {
            let mut response = HttpResponse::Created();
            response.insert_header((LOCATION, format!("/api/categories/{name}")));
            (row, response)
        }
        PutResult::Updated(row) | PutResult::Unchanged(row) => (row, HttpResponse::Ok()),
        PutResult::BuiltIn => return Err(CategoryPath::built_in()),
        PutResult::LimitReached => {
            let message = format!("There may be {MAX_CATEGORIES} categories at most");
            return Err(ApiError::conflict("too_many_categories", message));
        }
    };
    state.control.set_category(&name, Some(row.category.kind));
    tracing::info!(category = %name, actor = origin.0.actor(), "category written");
    Ok(response.json(CategoryView::from(row)))
}
