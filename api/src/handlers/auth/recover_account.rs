//! `POST /api/auth/recover-account`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_domain::content::EmailAddress;
use utoipa::ToSchema;

use crate::accounts;
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = AccountRecovery)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct AccountRecoveryBody {
    /// The address of the account.
    #[schema(max_length = 254, example = "anna@example.com")]
    email: String,
}

/// Sends the user with this verified address another e-mail with a link that cancels the deletion, at most
/// `RECOVERY_MAILS_PER_DAY` a day. The answer is the same whether or not a deletion waits.
#[utoipa::path(post, path = "/api/auth/recover-account", operation_id = "recoverAccount", tag = "accounts",
    request_body = AccountRecoveryBody,
    responses(
        (status = 202, description = "If the deletion of such a user waits, an e-mail is sent"),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 404, description = "`accounts_off`: accounts are off", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let accounts = state.accounts()?;
    let body = read_json(&request, payload, &state).await?;
    let email = parse(&body)?;
    let client = client_info(&request);
    accounts::recover_account(accounts, &state.deletions, email, &client).await?;
    Ok(HttpResponse::Accepted().finish())
}

fn parse(body: &[u8]) -> Result<EmailAddress, ApiError> {
    let mut reader = ObjectReader::parse(body, &["email"], "request")?;
    let email = reader.required("email", values::parsed);
    reader.finish(email)
}
