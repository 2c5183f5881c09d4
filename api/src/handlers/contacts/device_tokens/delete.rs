//! `DELETE /api/users/{userId}/contacts/device-tokens/{id}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::audit::Action;
use tidings_db::{TransactionOptions, device_tokens};

use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::contacts::change::ContactChange;
use crate::handlers::contacts::owner::{ContactId, Owner};
use crate::state::AppState;

/// Deletes a user's device.
#[utoipa::path(delete, path = "/api/users/{userId}/contacts/device-tokens/{id}", operation_id = "deleteDeviceToken", tag = "contacts",
    params(
        ("userId" = uuid::Uuid, Path, description = "The user"),
        ("id" = uuid::Uuid, Path, description = "The device"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 400, description = "An id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing this user's contacts", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not have this device", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    owner: Owner,
    id: ContactId,
    caller: Caller,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let change = ContactChange {
        origin: &origin,
        caller: &caller,
        owner,
        contact: "device_token",
    };
    let deleted = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let deleted = device_tokens::delete(transaction, owner.0, id.0).await?;
            if deleted {
                change
                    .record(transaction, Action::ContactDelete, |entry| {
                        entry.with("id", id.0.to_string())
                    })
                    .await?;
            }
            Ok(deleted)
        })
        .await?;
    if deleted {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(ContactId::not_found())
    }
}
