//! `PATCH /api/users/{userId}`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::TransactionOptions;
use tidings_db::users::{self, UpdateResult};
use tidings_domain::change::Change;
use utoipa::ToSchema;

use super::changes;
use super::path::{WritableUser, not_found};
use super::taken::{taken, user_has_role};
use super::view::{WrittenUser, WrittenUserBody};
use crate::accounts::AddressesBefore;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::handlers::preferences::claim_wait;
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body. Absent fields stay as they are.
#[derive(ToSchema)]
#[schema(as = UserChanges)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct ChangesBody {
    /// The new name.
    #[schema(min_length = 1, max_length = 100, example = "anna")]
    username: Option<String>,
    /// The new address; null removes it.
    #[schema(max_length = 254, example = "anna@example.com")]
    email: Option<String>,
    /// The new language; null removes it.
    #[schema(max_length = 35, example = "de-AT")]
    locale: Option<String>,
    /// The new time zone; null removes it.
    #[schema(example = "Europe/Vienna")]
    timezone: Option<String>,
    /// All telephone numbers. Text messages go to the first. Null or an empty list removes all.
    #[schema(rename = "phoneNumbers", max_items = 10, example = json!(["+436601234567"]))]
    phone_numbers: Option<Vec<String>>,
}

/// Changes the fields in the body and keeps the others. Needs the scope `users:write`.
#[utoipa::path(patch, path = "/api/users/{userId}", operation_id = "updateUser", tag = "users",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    request_body = ChangesBody,
    responses(
        (status = 200, description = "The user after the change", body = WrittenUserBody),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow writing users; or `user_has_role`: the user is an operator or an admin, whose e-mail address and phone numbers only the scope `admin` may change", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 409, description = "`username_taken` or `email_taken`: another user has this name or address, as `details` says", body = crate::error::ErrorBody),
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
    let changes = changes::parse(&body)?;
    let client = client_info(&request);
    let result = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let accounts = state.accounts.as_deref();
            let before = AddressesBefore::read(transaction, accounts, &[id]).await?;
            let rights = caller.contact_rights();
            let result = users::update(transaction, id, &changes, rights).await?;
            if let UpdateResult::Updated(row) = &result {
                users::record_update(transaction, &origin.0, row).await?;
                before.tell(transaction, caller.changer(&client)).await?;
            }
            Ok(result)
        })
        .await?;
    let row = match result {
        UpdateResult::Updated(row) | UpdateResult::Unchanged(row) => row,
        UpdateResult::Taken(fields) => return Err(taken(fields)),
        UpdateResult::UnknownUser => return Err(not_found()),
        UpdateResult::HasRole => return Err(user_has_role()),
    };
    if changes.timezone != Change::Keep {
        claim_wait::until_timezone_seen(&state, &[id]).await?;
    }
    tracing::info!(user_id = %id, subject = caller.subject(), "user changed");
    Ok(HttpResponse::Ok().json(WrittenUser::new(row, &caller)))
}
