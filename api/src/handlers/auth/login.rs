//! `POST /api/auth/login`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::ToSchema;

use super::view::LoggedInView;
use crate::accounts::{self, LoginName, LoginRequest};
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = Login)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct LoginBody {
    /// The address; either this or `username`.
    #[schema(max_length = 254, example = "anna@example.com")]
    email: Option<String>,
    /// The name; either this or `email`.
    #[schema(min_length = 1, max_length = 100, example = "anna")]
    username: Option<String>,
    /// The password.
    #[schema(min_length = 1, max_length = 128, example = "correct horse battery")]
    password: String,
}

/// Begins a session. The answer to a wrong password and to an unknown user is the same, and takes as long.
#[utoipa::path(post, path = "/api/auth/login", operation_id = "login", tag = "accounts",
    request_body = LoginBody,
    responses(
        (status = 200, description = "Logged in", body = LoggedInView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "`invalid_credentials`: the user or the password is wrong", body = crate::error::ErrorBody),
        (status = 404, description = "`accounts_off`: accounts are off", body = crate::error::ErrorBody),
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
    let login = parse(&body)?;
    let logged_in = accounts::login(accounts, login, &client_info(&request)).await?;
    Ok(HttpResponse::Ok().json(LoggedInView::from(logged_in)))
}

/// Reads a body.
///
/// # Errors
///
/// Returns 400 with everything that is wrong.
pub fn parse(body: &[u8]) -> Result<LoginRequest, ApiError> {
    let mut reader = ObjectReader::parse(body, &["email", "username", "password"], "login")?;
    let by_username = reader.value("username").is_some();
    let name = if by_username {
        reader.reject("email", "must be absent if username is given");
        reader
            .required("username", values::parsed)
            .map(LoginName::Username)
    } else {
        reader
            .required("email", values::parsed)
            .map(LoginName::Email)
    };
    let password = reader.required("password", values::parsed);
    let login = name
        .zip(password)
        .map(|(name, password)| LoginRequest { name, password });
    reader.finish(login)
}
