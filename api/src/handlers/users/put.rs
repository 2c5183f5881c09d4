//! `PUT /api/users/{userId}`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::TransactionOptions;
use tidings_db::users::{self, PutResult};

use super::new_user::{self, NewUserBody};
use super::path::WritableUser;
use super::taken::{taken, user_erased, user_has_role};
use super::view::{WrittenUser, WrittenUserBody};
use crate::accounts::AddressesBefore;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::handlers::preferences::claim_wait;
use crate::request_body::read_json;
use crate::state::AppState;

/// Creates a user with an id that the caller chooses, or replaces what is known about the user. A repeated request changes
/// nothing. Absent fields have no value afterwards, except for `phoneNumbers`. Needs the scope `users:write`.
#[utoipa::path(put, path = "/api/users/{userId}", operation_id = "putUser", tag = "users",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    request_body = NewUserBody,
    responses(
        (status = 200, description = "The user existed, and is so now", body = WrittenUserBody),
        (status = 201, description = "The user is created", body = WrittenUserBody),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow writing users; or `user_has_role`: the user is an operator or an admin, whose e-mail address and phone numbers only the scope `admin` may change", body = crate::error::ErrorBody),
        (status = 409, description = "`username_taken` or `email_taken`: another user has this name or address, as `details` says", body = crate::error::ErrorBody),
        (status = 410, description = "`user_erased`: the user with this id was deleted", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable. `change_not_complete`: the user is stored, and a delivery that began before has not ended, so that the time zone may not count for it", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    user: WritableUser,
    caller: Caller,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let WritableUser(id) = user;
    let body = read_json(&request, payload, &state).await?;
    let profile = new_user::parse(&body)?;
    let client = client_info(&request);
    let result = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let accounts = state.accounts.as_deref();
            let before = AddressesBefore::read(transaction, accounts, &[id]).await?;
            let result = users::put(transaction, id, &profile, caller.contact_rights()).await?;
            users::record_put(transaction, &origin.0, &result).await?;
            before.tell(transaction, caller.changer(&client)).await?;
            Ok(result)
        })
        .await?;
    let (status, row) = match result {
        PutResult::Created(row) => (StatusCode::CREATED, row),
        PutResult::Updated(row) | PutResult::Unchanged(row) => (StatusCode::OK, row),
        PutResult::Taken(fields) => return Err(taken(fields)),
        PutResult::Erased => return Err(user_erased()),
        PutResult::HasRole => return Err(user_has_role()),
    };
    let created = status == StatusCode::CREATED;
    if !created {
        claim_wait::until_timezone_seen(&state, &[id]).await?;
    }
    tracing::info!(user_id = %id, subject = caller.subject(), created, "user put");
    Ok(HttpResponse::build(status).json(WrittenUser::new(row, &caller)))
}
