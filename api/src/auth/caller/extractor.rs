//! Reads the caller of a request.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderValue;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::Caller;
use crate::auth::authentication::verify;
use crate::auth::credential::{Credential, credential};
use crate::auth::keys::KeyOutcome;
use crate::dashboard::SessionOutcome;
use crate::error::ApiError;
use crate::rate_limit;
use crate::request_id::RequestId;
use crate::state::AppState;

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request).and_then(|caller| {
            rate_limit::count(request, &caller)?;
            Ok(caller)
        }))
    }
}

impl Caller {
    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        // It is there only if the request has no other credential.
        if let Some(outcome) = request.extensions().get::<SessionOutcome>() {
            return outcome
                .session()
                .map(|active| Self::of_session(&active.session));
        }
        let values = |name| {
            let values = request.headers().get_all(name);
            values.map(HeaderValue::as_bytes).collect()
        };
        match credential(values)? {
            Credential::Token(token) => {
                let id = request.extensions().get::<RequestId>().cloned();
                let id = id.as_ref().map_or("", |id| id.0.as_str());
                verify(&AppState::of(request).verifier, token, id)
            }
            Credential::Key(_) => {
                let outcome = request.extensions().get::<KeyOutcome>().cloned();
                let unchecked = || ApiError::internal("the API key was not looked up");
                outcome.ok_or_else(unchecked)?.caller()
            }
        }
    }
}
