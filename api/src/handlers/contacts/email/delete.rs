//! `DELETE /api/users/{userId}/contacts/email`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::TransactionOptions;
use tidings_db::audit::Action;
use tidings_db::users::{self, SetEmailResult};

use crate::accounts::AddressesBefore;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::handlers::contacts::change::ContactChange;
use crate::handlers::contacts::owner::Owner;
use crate::state::AppState;

/// Removes a user's e-mail address.
#[utoipa::path(delete, path = "/api/users/{userId}/contacts/email", operation_id = "deleteEmail", tag = "contacts",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    responses(
        (status = 204, description = "The user has no e-mail address now"),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing this user's contacts", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    owner: Owner,
    caller: Caller,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let change = ContactChange {
        origin: &origin,
        caller: &caller,
        owner,
        contact: "email",
    };
    let client = client_info(&request);
    let set = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let accounts = state.accounts.as_deref();
            let before = AddressesBefore::read(transaction, accounts, &[owner.0]).await?;
            let set = users::set_email(transaction, owner.0, None).await?;
            if set == SetEmailResult::Updated {
                before.tell(transaction, caller.changer(&client)).await?;
                change
                    .record(transaction, Action::ContactDelete, |entry| entry)
                    .await?;
            }
            Ok(set)
        })
        .await?;
    match set {
        SetEmailResult::Updated => Ok(HttpResponse::NoContent().finish()),
        SetEmailResult::UnknownUser => Err(Owner::not_found()),
        SetEmailResult::AddressTaken => Err(ApiError::internal(
            "the database reports that a removed address is taken",
        )),
    }
}
