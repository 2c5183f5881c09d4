//! Finds the session of a request, and checks that one of the dashboard's own pages sends the request.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, COOKIE, HOST, HeaderMap, HeaderValue, ORIGIN};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use subtle::ConstantTimeEq;
use tidings_db::dashboard_sessions::{self, DashboardSession};
use tidings_domain::access::DashboardSessionToken;

use super::cookie::{self, GivenCookie, SessionCookie};
use super::request_site::{ForeignSite, RequestSite};
use crate::auth::{Caller, X_API_KEY};
use crate::error::ApiError;
use crate::handlers::template_drafts::PREVIEW_PAGE;
use crate::request_id::RequestId;
use crate::state::AppState;

const CSRF_TOKEN: &str = "x-csrf-token";

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// What proxies add to requests that they forward.
const FORWARDED: [&str; 4] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// The session of a request.
#[derive(Clone, Debug)]
pub struct ActiveSession {
    /// The session.
    pub session: Arc<DashboardSession>,
    /// What changes must have in `X-CSRF-Token`.
    pub csrf_token: String,
    /// The cookie that the request has.
    pub cookie: SessionCookie,
}

/// Why the cookie of a request is not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum SessionRefusal {
    #[error("is unknown, or has ended")]
    Unknown,
    #[error("is not known, and PostgreSQL cannot be asked")]
    Unavailable,
    #[error(transparent)]
    Site(ForeignSite),
    #[error("is used for a change without X-CSRF-Token")]
    NoCsrfToken,
    #[error("is used for a change with another X-CSRF-Token")]
    CsrfToken,
}

impl From<SessionRefusal> for ApiError {
    fn from(refusal: SessionRefusal) -> Self {
        match refusal {
            SessionRefusal::Unknown => {
                Self::unauthorized("The session of the dashboard has ended; log in again")
            }
            SessionRefusal::Unavailable => Self::unavailable(
                "auth_unavailable",
                "The session cannot be checked now; try again",
                refusal,
            ),
            SessionRefusal::Site(site) => site.into(),
            SessionRefusal::NoCsrfToken => Self::not_allowed(
                "csrf_token_required",
                "A change by a session of the dashboard needs the header X-CSRF-Token",
            ),
            SessionRefusal::CsrfToken => Self::not_allowed(
                "csrf_token_invalid",
                "The header X-CSRF-Token is not that of the session",
            ),
        }
    }
}

impl From<ForeignSite> for ApiError {
    fn from(site: ForeignSite) -> Self {
        match site {
            ForeignSite::Unknown => Self::not_allowed(
                "origin_required",
                "A change by a session of the dashboard needs the header Origin or Sec-Fetch-Site, which browsers send",
            ),
            ForeignSite::Foreign => Self::not_allowed(
                "foreign_origin",
                "Only pages of this API may use a session of the dashboard. If this is one, the proxy in front of the API must forward the header Host, or PUBLIC_URL must be its URL",
            ),
            ForeignSite::Unencrypted => Self::not_allowed(
                "https_required",
                "The dashboard needs https, except on the machine of the API (http://localhost)",
            ),
        }
    }
}

/// What [`look_up`] has found out about the cookie of a request, in the extensions of the request.
#[derive(Clone, Debug)]
pub struct SessionOutcome(Result<ActiveSession, SessionRefusal>);

impl SessionOutcome {
    /// The session.
    ///
    /// # Errors
    ///
    /// Returns 401 if it has ended, 403 if another page sends the request, and 503 if PostgreSQL is away.
    pub fn session(&self) -> Result<&ActiveSession, ApiError> {
        self.0.as_ref().map_err(|refusal| ApiError::from(*refusal))
    }
}

/// Checks the session of a request, if it has one and no other credential: a header always wins over the cookie.
///
/// # Errors
///
/// Returns the error of the rest of the application.
pub async fn look_up<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let headers = request.headers();
    let has_header = headers.contains_key(AUTHORIZATION) || headers.contains_key(X_API_KEY);
    if !has_header && request.path().starts_with("/api/") {
        let outcome = match given_cookie(request.request()) {
            GivenCookie::None => None,
            GivenCookie::Invalid => Some(Err(SessionRefusal::Unknown)),
            GivenCookie::Token(cookie, token) => {
                Some(check(request.request(), cookie, &token).await)
            }
        };
        if let Some(outcome) = outcome {
            if let Err(refusal) = &outcome {
                let id = request.extensions().get::<RequestId>().cloned();
                let request_id = id.as_ref().map_or("", |id| id.0.as_str());
                tracing::info!(request_id, reason = %refusal, "session refused");
            }
            request.extensions_mut().insert(SessionOutcome(outcome));
        }
    }
    next.call(request).await
}

async fn check(
    request: &HttpRequest,
    cookie: SessionCookie,
    token: &DashboardSessionToken,
) -> Result<ActiveSession, SessionRefusal> {
    let database = &AppState::of(request).database;
    let found = database
        .run(async |client| dashboard_sessions::find(client, token).await)
        .await;
    let mut session = found
        .map_err(|_| SessionRefusal::Unavailable)?
        .ok_or(SessionRefusal::Unknown)?;
    let csrf_token = token.csrf_token();
    let site = request_site(request);
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        site.check_read().map_err(SessionRefusal::Site)?;
    } else {
        site.check_change().map_err(SessionRefusal::Site)?;
        // A form cannot send a header. This one changes nothing.
        if request.path() != PREVIEW_PAGE {
            check_csrf_token(request.headers(), &csrf_token)?;
        }
    }
    if session.is_touch_due {
        let touched = database
            .run(async |client| dashboard_sessions::touch(client, session.id).await)
            .await;
        match touched {
            Ok(Some(idle_expires_at)) => session.idle_expires_at = idle_expires_at,
            Ok(None) => return Err(SessionRefusal::Unknown),
            // Reading goes on while nothing can be written.
            Err(error) => tracing::debug!(%error, "the use of a session cannot be recorded"),
        }
    }
    Ok(ActiveSession {
        session: Arc::new(session),
        csrf_token,
        cookie,
    })
}

fn check_csrf_token(headers: &HeaderMap, expected: &str) -> Result<(), SessionRefusal> {
    match one(headers, CSRF_TOKEN) {
        None => Err(SessionRefusal::NoCsrfToken),
        Some(given) if bool::from(given.as_bytes().ct_eq(expected.as_bytes())) => Ok(()),
        Some(_) => Err(SessionRefusal::CsrfToken),
    }
}

/// The cookie of a request.
pub fn given_cookie(request: &HttpRequest) -> GivenCookie {
    let cookies = request.headers().get_all(COOKIE);
    let is_loopback = request_site(request).is_loopback();
    cookie::read(cookies.map(HeaderValue::as_bytes), is_loopback)
}

/// What the headers of a request say about the page that sends it.
pub fn request_site(request: &HttpRequest) -> RequestSite<'_> {
    let headers = request.headers();
    RequestSite {
        host: one(headers, HOST.as_str()),
        origin: one(headers, ORIGIN.as_str()),
        fetch_site: one(headers, SEC_FETCH_SITE),
        is_forwarded: FORWARDED.iter().any(|name| headers.contains_key(*name)),
        public: AppState::of(request).dashboard.public_origin.as_ref(),
    }
}

/// The text of a header, which is empty if the header occurs twice or is no text, so that nothing takes it for absent.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let first = values.next()?;
    let text = first.to_str().ok().filter(|_| values.next().is_none());
    Some(text.unwrap_or_default())
}

/// The session of the caller. As an extractor, rejects requests without one.
impl FromRequest for ActiveSession {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        // Also counts the request.
        let caller = Caller::from_request(request, payload).into_inner();
        let session = caller.and_then(|_| {
            let outcome = request.extensions().get::<SessionOutcome>().cloned();
            let outcome = outcome.ok_or_else(|| {
                ApiError::forbidden("This needs a session of the dashboard, not a token or a key")
            })?;
            outcome.session().cloned()
        });
        ready(session)
    }
}
