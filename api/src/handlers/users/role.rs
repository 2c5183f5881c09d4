//! `PUT /api/users/{userId}/role`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::users::{self, SetRoleResult};
use tidings_db::{IsolationLevel, TransactionOptions};
use tidings_domain::access::{Role, Scope};
use utoipa::ToSchema;

use super::path::{not_found, user_id};
use super::view::UserView;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = UserRole)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct RoleBody {
    /// `user`, `operator` or `admin`.
    #[schema(pattern = "^(user|operator|admin)$", example = "operator")]
    role: String,
}

/// Gives a user a role, which determines the scopes of tokens that are signed for the user from now on. A repeated request
/// changes nothing. Needs the scope `admin`.
#[utoipa::path(put, path = "/api/users/{userId}/role", operation_id = "putUserRole", tag = "users",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    request_body = RoleBody,
    responses(
        (status = 200, description = "The user, with the role", body = UserView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `admin`", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 409, description = "`last_admin`: no other user is an admin", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::Admin)?;
    let id = user_id(&request)?;
    let body = read_json(&request, payload, &state).await?;
    let mut reader = ObjectReader::parse(&body, &["role"], "role")?;
    let role = reader.required("role", values::parsed::<Role>);
    let role = reader.finish(role)?;
    let options = TransactionOptions {
        isolation: IsolationLevel::Serializable,
        ..TransactionOptions::default()
    };
    let result = state
        .database
        .transaction(options, async |transaction| {
            users::set_role(transaction, &origin.0, id, role).await
        })
        .await?;
    let row = match result {
        SetRoleResult::Updated(row) | SetRoleResult::Unchanged(row) => row,
        SetRoleResult::LastAdmin => return Err(last_admin()),
        SetRoleResult::UnknownUser => return Err(not_found()),
    };
    tracing::info!(user_id = %id, subject = caller.subject(), %role, "role of a user set");
    Ok(HttpResponse::Ok().json(UserView::from(row)))
}

/// The 409 response to a request that would leave no admin.
pub fn last_admin() -> ApiError {
    let message = "No other user is an admin; give another user the role first";
    ApiError::conflict("last_admin", message)
}
