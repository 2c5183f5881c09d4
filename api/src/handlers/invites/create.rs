//! `POST /api/invites`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;
use tidings_domain::access::Scope;
use tidings_domain::content::EmailAddress;
use utoipa::ToSchema;

use crate::accounts;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = NewInvite)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewInviteBody {
    /// The only address that may use the invitation. It counts as verified.
    #[schema(max_length = 254, example = "anna@example.com")]
    email: Option<String>,
}

/// An invitation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Invite)]
pub struct InviteView {
    /// What `POST /api/auth/register` takes as `inviteToken`. It is not shown again.
    #[schema(example = "tdi_…")]
    token: String,
    /// Until when the invitation is valid.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Issues an invitation to create an account, for one use within a week. Needs the scope `users:write`.
#[utoipa::path(post, path = "/api/invites", operation_id = "createInvite", tag = "accounts",
    request_body = NewInviteBody,
    responses(
        (status = 201, description = "The invitation", body = InviteView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow writing users", body = crate::error::ErrorBody),
        (status = 404, description = "`accounts_off`: accounts are off", body = crate::error::ErrorBody),
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
    let accounts = state.accounts()?;
    let body = read_json(&request, payload, &state).await?;
    let email = parse(&body)?;
    let issued = accounts::invite(accounts, email, &caller.sender(), &origin.0).await?;
    Ok(HttpResponse::Created().json(InviteView {
        token: issued.token.expose_secret().to_owned(),
        expires_at: issued.expires_at,
    }))
}

fn parse(body: &[u8]) -> Result<Option<EmailAddress>, ApiError> {
    let mut reader = ObjectReader::parse(body, &["email"], "invitation")?;
    let email = reader.optional("email", values::parsed);
    reader.finish(Some(email))
}
