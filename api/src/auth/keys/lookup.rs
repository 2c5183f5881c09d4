use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderValue;
use actix_web::middleware::Next;
use jiff::Timestamp;
use tidings_domain::access::{ApiKey, ApiKeyId, InvalidApiKey};

use super::ApiKeys;
use super::reader::CannotRead;
use crate::auth::Caller;
use crate::auth::credential::{Credential, credential};
use crate::error::ApiError;
use crate::request_id::RequestId;
use crate::state::AppState;

/// What [`look_up`] has found out about the API key of a request, in the extensions of the request.
#[derive(Clone, Debug)]
pub struct KeyOutcome(Result<Caller, KeyRefusal>);

impl KeyOutcome {
    /// The caller that holds the key.
    ///
    /// # Errors
    ///
    /// Returns 401 if the key is not valid, and 503 if this is not known because PostgreSQL is away.
    pub fn caller(&self) -> Result<Caller, ApiError> {
        self.0.clone().map_err(ApiError::from)
    }
}

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum KeyRefusal {
    /// The text is not a key.
    #[error(transparent)]
    NoKey(#[from] InvalidApiKey),
    /// There is no such key, or its secret is another one, or it is revoked or has expired.
    #[error("is unknown, revoked or expired, or has another secret")]
    Unknown,
    /// PostgreSQL cannot be asked about a key that is not in memory.
    #[error("is not known, and PostgreSQL cannot be asked")]
    Unavailable,
}

impl From<KeyRefusal> for ApiError {
    fn from(refusal: KeyRefusal) -> Self {
        match refusal {
            KeyRefusal::NoKey(_) | KeyRefusal::Unknown => Self::unauthorized(
                "The API key is not valid: it has a typing error, or is unknown, revoked or expired",
            ),
            KeyRefusal::Unavailable => Self::unavailable(
                "auth_unavailable",
                "The API key cannot be checked now; try again",
                refusal,
            ),
        }
    }
}

/// Checks the API key of a request, if it has one. A middleware, because extractors cannot wait for a key to be read.
///
/// # Errors
///
/// Returns the error of the rest of the application.
pub async fn look_up<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let values = |name| {
        let values = request.headers().get_all(name);
        values.map(HeaderValue::as_bytes).collect()
    };
    if let Ok(Credential::Key(text)) = credential(values) {
        let keys = AppState::of(request.request()).api_keys.clone();
        let id = request.extensions().get::<RequestId>().cloned();
        let id = id.as_ref().map_or("", |id| id.0.as_str());
        let outcome = keys.outcome(text, id).await;
        request.extensions_mut().insert(outcome);
    }
    next.call(request).await
}

/// Only the log says why a key is refused, as for tokens.
fn report(request_id: &str, id: Option<ApiKeyId>, refusal: KeyRefusal) {
    tracing::info!(
        request_id,
        key_id = id.map(tracing::field::display),
        reason = %refusal,
        "API key refused"
    );
}

impl ApiKeys {
    /// Checks the text of a key, and logs why it is refused.
    pub async fn outcome(&self, text: &str, request_id: &str) -> KeyOutcome {
        let (id, outcome) = match text.parse() {
            Ok(key) => (Some(ApiKey::id(&key)), self.check(&key).await),
            Err(invalid) => (None, Err(KeyRefusal::NoKey(invalid))),
        };
        if let Err(refusal) = &outcome {
            report(request_id, id, *refusal);
        }
        KeyOutcome(outcome)
    }

    /// Returns the caller that holds a key. Waits for the next read if memory does not say that the key is valid.
    async fn check(&self, key: &ApiKey) -> Result<Caller, KeyRefusal> {
        let (inner, hash) = (&self.0, key.secret_hash());
        let verify = || inner.known.verify(key, &hash, Timestamp::now());
        let valid = match verify() {
            Some(valid) => valid,
            None => match inner.reader.until_read(verify).await {
                Ok(valid) => valid.ok_or(KeyRefusal::Unknown)?,
                Err(CannotRead) => return Err(KeyRefusal::Unavailable),
            },
        };
        if valid.is_use_due {
            inner.usage.note(key.id(), Timestamp::now());
        }
        Ok(valid.caller)
    }
}
