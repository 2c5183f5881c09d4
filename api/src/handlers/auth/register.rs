//! `POST /api/auth/register`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::ToSchema;

use super::fields::secret;
use super::view::LoggedInView;
use crate::accounts::{self, RegisterRequest};
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = NewAccount)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewAccountBody {
    /// One address without a display name. No other user may have it, in whatever spelling.
    #[schema(max_length = 254, example = "anna@example.com")]
    email: String,
    /// The name. No other user may have it.
    #[schema(min_length = 1, max_length = 100, example = "anna")]
    username: String,
    /// 12 to 128 characters.
    #[schema(min_length = 12, max_length = 128, example = "correct horse battery")]
    password: String,
    /// An invitation, if `REGISTRATION` is `invite`.
    #[schema(rename = "inviteToken", max_length = 512)]
    invite_token: Option<String>,
}

/// Creates a user with a password, and logs in. The user's own tokens read the own notifications and manage the own contacts
/// and preferences; they send nothing. E-mails go to the address once it is verified.
#[utoipa::path(post, path = "/api/auth/register", operation_id = "register", tag = "accounts",
    request_body = NewAccountBody,
    responses(
        (status = 201, description = "The user is created and logged in", body = LoggedInView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 403, description = "`registration_closed`: registration is off or needs an invitation; `invalid_invite`: the invitation is unknown, used, expired or for another address", body = crate::error::ErrorBody),
        (status = 404, description = "`accounts_off`: accounts are off", body = crate::error::ErrorBody),
        (status = 409, description = "`username_taken` or `email_taken`: another user has this name or address, as `details` says", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 429, description = "`too_many_attempts`: see `Retry-After`", body = crate::error::ErrorBody),
        (status = 503, description = "`busy`: too many passwords are being hashed; or the database is unavailable", body = crate::error::ErrorBody),
    ),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let accounts = state.accounts()?;
    let body = read_json(&request, payload, &state).await?;
    let new = parse(&body)?;
    let logged_in = accounts::register(accounts, new, &client_info(&request)).await?;
    Ok(HttpResponse::Created().json(LoggedInView::from(logged_in)))
}

/// Reads a body.
///
/// # Errors
///
/// Returns 400 with everything that is wrong.
pub fn parse(body: &[u8]) -> Result<RegisterRequest, ApiError> {
    let known = ["email", "username", "password", "inviteToken"];
    let mut reader = ObjectReader::parse(body, &known, "account")?;
    let email = reader.required("email", values::parsed);
    let username = reader.required("username", values::parsed);
    let password = reader.required("password", values::parsed);
    let invite_token = reader.optional("inviteToken", secret);
    let request = email.zip(username).zip(password);
    let request = request.map(|((email, username), password)| RegisterRequest {
        email,
        username,
        password,
        invite_token,
    });
    reader.finish(request)
}
