//! `PATCH /api/me`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::users::{self, ContactRights, UpdateResult};
use tidings_db::{TransactionOptions, contact_codes};
use tidings_domain::change::Change;

use super::view::{OwnUser, find};
use crate::accounts::AddressesBefore;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::handlers::preferences::claim_wait;
use crate::handlers::users::changes;
use crate::handlers::users::path::not_found;
use crate::handlers::users::taken::{taken, user_has_role};
use crate::handlers::users::update::ChangesBody;
use crate::request_body::read_json;
use crate::state::AppState;

/// Changes the user of the token. Absent fields stay as they are. Another address or phone number is used once it is
/// verified.
#[utoipa::path(patch, path = "/api/me", operation_id = "updateMe", tag = "accounts",
    request_body = ChangesBody,
    responses(
        (status = 200, description = "The user after the change", body = OwnUser),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token is not that of a user who has logged in", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist any more", body = crate::error::ErrorBody),
        (status = 409, description = "`username_taken` or `email_taken`: another user has this name or address, as `details` says", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable. `change_not_complete`: the changes are stored, and a delivery that began before has not ended, so that the time zone may not count for it", body = crate::error::ErrorBody),
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
    let (user, _) = caller.check_own_session()?;
    let body = read_json(&request, payload, &state).await?;
    let changes = changes::parse(&body)?;
    let client = client_info(&request);
    let updated = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let accounts = state.accounts.as_deref();
            let before = AddressesBefore::read(transaction, accounts, &[user]).await?;
            contact_codes::contacts_of_user(transaction).await?;
            match users::update(transaction, user, &changes, ContactRights::All).await? {
                UpdateResult::Updated(row) => {
                    users::record_update(transaction, &origin.0, &row).await?;
                    before.tell(transaction, caller.changer(&client)).await?;
                }
                UpdateResult::Unchanged(_) => {}
                UpdateResult::Taken(fields) => return Ok(Err(taken(fields))),
                UpdateResult::UnknownUser => return Ok(Err(not_found())),
                // Nobody needs a right for the own contacts.
                UpdateResult::HasRole => return Ok(Err(user_has_role())),
            }
            Ok(find(transaction, user).await?.ok_or_else(not_found))
        })
        .await?;
    let updated = updated?;
    if changes.timezone != Change::Keep {
        claim_wait::until_timezone_seen(&state, &[user]).await?;
    }
    Ok(HttpResponse::Ok().json(updated))
}
