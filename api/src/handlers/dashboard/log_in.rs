//! `POST /api/dashboard/session`.

use actix_web::http::header::SET_COOKIE;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use secrecy::ExposeSecret;

use super::body::{LoginBody, LoginMeans, MAX_BODY, parse};
use super::view::SessionView;
use crate::accounts;
use crate::client_info::client_info;
use crate::dashboard::{self, DashboardLogin, GivenCookie};
use crate::error::ApiError;
use crate::request_body::{check_media_type, read_body};
use crate::state::AppState;

/// Begins a session of the dashboard, by a one-time link of `tidings dashboard login`, or as a user with the role operator or
/// admin. The session is in a cookie: `__Host-tidings`, or `tidings` by http on the same machine.
#[utoipa::path(post, path = "/api/dashboard/session", operation_id = "createDashboardSession", tag = "dashboard",
    request_body = LoginBody,
    responses(
        (status = 200, description = "Logged in", body = SessionView,
            headers(("Set-Cookie" = String, description = "The session: HttpOnly, SameSite=Strict, and Secure by https"))),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "`invalid_link`: the link is unknown, was used or has expired; `invalid_credentials`: the user or the password is wrong", body = crate::error::ErrorBody),
        (status = 403, description = "`role_required`: the user is neither an operator nor an admin; `account_deleting`: the account is to be deleted; `foreign_origin` or `https_required`: a page of another origin, or one that was loaded by http, sends the request", body = crate::error::ErrorBody),
        (status = 404, description = "`accounts_off`: accounts are off, and only links log in", body = crate::error::ErrorBody),
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
    // Another page must not log a browser in either: its user would work in the session of somebody else.
    let cookie = dashboard::request_site(&request).check_login()?;
    check_media_type(&request)?;
    let body = read_body(&request, payload, MAX_BODY).await?;
    let means = parse(&body)?;
    let replaced = match dashboard::given_cookie(&request) {
        GivenCookie::Token(_, token) => Some(token),
        GivenCookie::None | GivenCookie::Invalid => None,
    };
    let login = DashboardLogin::new(replaced, client_info(&request))?;
    let session = match means {
        LoginMeans::Link(text) => {
            let token = text.expose_secret().parse().ok();
            dashboard::log_in_by_link(&state.database, token.as_ref(), &login).await?
        }
        LoginMeans::Password(credentials) => {
            accounts::log_in_to_dashboard(state.accounts()?, credentials, &login).await?
        }
    };
    let token = login.token();
    let default = &state.dashboard.default_timezone;
    Ok(HttpResponse::Ok()
        .insert_header((SET_COOKIE, cookie.set(token)))
        .json(SessionView::new(&session, token.csrf_token(), default)))
}
