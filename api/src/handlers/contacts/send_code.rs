//! `POST /api/users/{userId}/contacts/{contactId}/send-code`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::contact_codes::ContactId;

use super::owner::Owner;
use crate::accounts;
use crate::error::{ApiError, ErrorDetail};
use crate::state::AppState;

/// Sends a code to a contact that is not verified, which `POST /api/auth/verify` takes: at most three a day. A contact that
/// is verified gets none.
#[utoipa::path(post, path = "/api/users/{userId}/contacts/{contactId}/send-code", operation_id = "sendContactCode", tag = "accounts",
    params(("userId" = uuid::Uuid, Path, description = "The user"),
           ("contactId" = String, Path, description = "`email`, or the id of a phone number")),
    responses(
        (status = 202, description = "The code is sent, unless the contact is verified"),
        (status = 400, description = "An id is not valid; or `channel_not_configured`: no provider is configured for the contact", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing this user's contacts", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not have this contact, or accounts are off", body = crate::error::ErrorBody),
        (status = 429, description = "`too_many_attempts`: see `Retry-After`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    owner: Owner,
) -> Result<HttpResponse, ApiError> {
    let accounts = state.accounts()?;
    accounts::send_code(accounts, owner.0, contact(&request)?).await?;
    Ok(HttpResponse::Accepted().finish())
}

fn contact(request: &HttpRequest) -> Result<ContactId, ApiError> {
    let text = request.match_info().get("contact_id").unwrap_or_default();
    text.parse().map_err(|error| {
        let message = format!("The contact in the path {error}");
        let details = vec![ErrorDetail::new("contactId", format!("{error}"))];
        ApiError::bad_request("invalid_contact_id", message, details)
    })
}
