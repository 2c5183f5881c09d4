//! `POST /api/users`.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use secrecy::SecretString;
use tidings_db::users::{self, PutResult, UserProfile, UserRow};
use tidings_db::{TransactionOptions, credentials};
use tidings_domain::access::Scope;

use super::new_user::{self, NewUserBody};
use super::taken::{taken, user_erased, user_has_role};
use super::view::{WrittenUser, WrittenUserBody};
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::request_body::read_json;
use crate::state::AppState;

/// Creates a user with an id that Tidings chooses. Needs the scope `users:write`.
#[utoipa::path(post, path = "/api/users", operation_id = "createUser", tag = "users",
    request_body = NewUserBody,
    responses(
        (status = 201, description = "The user is created", body = WrittenUserBody, headers(("Location", description = "URL of the user"))),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow writing users", body = crate::error::ErrorBody),
        (status = 409, description = "`username_taken` or `email_taken`: another user has this name or address, as `details` says", body = crate::error::ErrorBody),
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
    caller.check(Scope::UsersWrite)?;
    let body = read_json(&request, payload, &state).await?;
    let row = create(&state, &caller, &origin, &new_user::parse(&body)?, None).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, location(&row)))
        .json(WrittenUser::new(row, &caller)))
}

/// Creates a user for a caller. With the hash of a password, the user can log in.
///
/// # Errors
///
/// Returns 409 if another user has the name or the address, and 503 if the database is unavailable.
pub async fn create(
    state: &AppState,
    caller: &Caller,
    origin: &Origin,
    profile: &UserProfile,
    password_hash: Option<&SecretString>,
) -> Result<UserRow, ApiError> {
    let result = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let result = users::create(transaction, profile).await?;
            if let (Some(hash), PutResult::Created(row)) = (password_hash, &result) {
                credentials::set_password_hash(transaction, row.id, hash).await?;
            }
            users::record_put(transaction, &origin.0, &result).await?;
            Ok(result)
        })
        .await?;
    let row = match result {
        PutResult::Created(row) | PutResult::Updated(row) | PutResult::Unchanged(row) => row,
        PutResult::Taken(fields) => return Err(taken(fields)),
        PutResult::Erased => return Err(user_erased()),
        PutResult::HasRole => return Err(user_has_role()),
    };
    tracing::info!(user_id = %row.id, subject = caller.subject(), "user created");
    Ok(row)
}

/// The path of a user.
pub fn location(row: &UserRow) -> String {
    format!("/api/users/{}", row.id)
}
