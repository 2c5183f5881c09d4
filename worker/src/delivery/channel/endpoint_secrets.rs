use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tidings_broker::WaitTime;
use tidings_db::webhook_endpoints::SigningEndpoint;
use tidings_db::{OpenError, SecretKeys};
use tokio::time::Instant;
use uuid::Uuid;

use super::DeferredAddress;
use crate::delivery::deferral::Deferral;
use crate::delivery::wait_keys::endpoint_key;

/// The shortest time between two log lines. Thousands of messages may wait for one key, and `tidings doctor` lists
/// everything that is missing.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// Decrypts the secrets of webhook endpoints, and decides about endpoints whose secrets cannot be decrypted.
pub struct EndpointSecrets {
    /// The keys of `SECRETS_KEY`.
    pub keys: SecretKeys,
    last_logged: Mutex<Option<Instant>>,
}

impl EndpointSecrets {
    /// Decrypts with `keys`.
    #[must_use]
    pub const fn new(keys: SecretKeys) -> Self {
        Self {
            keys,
            last_logged: Mutex::new(None),
        }
    }

    /// Returns the secrets that sign a webhook to `endpoint`, newest first. Returns `None` if the newest one cannot be
    /// decrypted: then the endpoint must wait, because a webhook to an endpoint is never sent unsigned.
    pub fn signing(&self, endpoint: &SigningEndpoint) -> Option<Vec<SecretString>> {
        let id = endpoint.id;
        if let Some(error) = &endpoint.unopened_previous {
            self.log(id, error, "the previous secret of a webhook endpoint cannot be decrypted: only the current one signs. Run `tidings doctor`");
        }
        match &endpoint.secrets {
            Ok(secrets) => Some(secrets.clone()),
            Err(error) => {
                self.log(id, error, "the secret of a webhook endpoint cannot be decrypted: its webhooks wait until SECRETS_KEY has the key. Run `tidings doctor`");
                None
            }
        }
    }

    fn log(&self, endpoint_id: Uuid, error: &OpenError, message: &'static str) {
        let now = Instant::now();
        let mut last = self
            .last_logged
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| now.duration_since(last) >= LOG_INTERVAL) {
            *last = Some(now);
            drop(last);
            tracing::error!(%endpoint_id, %error, "{message}");
        }
    }
}

/// Returns how an endpoint waits until an operator corrects `SECRETS_KEY`. The wait uses up no attempt, and does not count
/// against `WEBHOOK_DEFER_MAX_HOURS`.
pub fn waiting_for_key(endpoint: Uuid) -> DeferredAddress {
    let reason = "the secret of the endpoint cannot be decrypted at present";
    let deferral = Deferral {
        counts_as_waiting: false,
        ..Deferral::wait(WaitTime::HalfMinute, reason)
    };
    DeferredAddress {
        contact: Some(endpoint),
        // The key limits how many messages return in a second.
        deferral: deferral.waiting_for(endpoint_key(endpoint)),
    }
}
