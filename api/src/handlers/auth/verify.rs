//! `POST /api/auth/verify`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use secrecy::SecretString;
use tidings_db::contact_codes::ContactId;
use utoipa::ToSchema;

use super::fields::secret;
use crate::accounts;
use crate::auth::Caller;
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = Verification)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct VerificationBody {
    /// `email`, or the id of a phone number.
    #[schema(rename = "contactId", example = "email")]
    contact_id: String,
    /// The six digits that were sent to the contact.
    #[schema(min_length = 1, max_length = 512, example = "123456")]
    code: String,
}

/// Verifies a contact of the user, so that notifications go to it. A code is valid for 10 minutes and 5 tries.
#[utoipa::path(post, path = "/api/auth/verify", operation_id = "verifyContact", tag = "accounts",
    request_body = VerificationBody,
    responses(
        (status = 204, description = "The contact is verified"),
        (status = 400, description = "`invalid_code`: the code is wrong, expired, used or was tried too often; otherwise `details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token is not that of a user who has logged in", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not have this contact, or accounts are off", body = crate::error::ErrorBody),
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
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let accounts = state.accounts()?;
    let (user, _) = caller.check_own_session()?;
    let body = read_json(&request, payload, &state).await?;
    let (contact, code) = parse(&body)?;
    let client = client_info(&request);
    accounts::verify_contact(accounts, user, contact, &code, &client).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn parse(body: &[u8]) -> Result<(ContactId, SecretString), ApiError> {
    let mut reader = ObjectReader::parse(body, &["contactId", "code"], "request")?;
    let contact = reader.required("contactId", values::parsed);
    let code = reader.required("code", secret);
    reader.finish(contact.zip(code))
}
