//! Requests with an idempotency key are compared with earlier ones: the same one again gets the answer of the first, and
//! another one under its key is refused.
//!
//! Known are the latest requests of this process and, if PostgreSQL answers in time, the rows. What slips through, such as
//! two requests at the same moment in two processes, is found by the intake, which makes the second one a dead letter.
//!
//! All of this is keyed by message ids. They are derived from the caller and its key, so no caller reaches, or learns of,
//! the notification of another one. Requests without a key do not come here.

mod breaker;
mod lookup;
mod recent;
mod registry;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tidings_db::Database;
use tidings_domain::notification::{Fingerprint, MessageId};
use tidings_runtime::tasks::Tasks;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::acceptance::NotStored;
use crate::error::ApiError;
use lookup::{FoundRows, Lookup};
pub use registry::FirstRequest;
use registry::{Found, Registry, RequestOutcome};
pub use settings::IdempotencySettings;

/// A request with an idempotency key.
#[derive(Clone, Copy, Debug)]
pub struct KeyedRequest {
    /// The id of its notification, derived from the caller and its key.
    pub id: MessageId,
    /// The fingerprint of what it asks for.
    pub fingerprint: Fingerprint,
}

/// What to do with a request with an idempotency key.
pub enum Begun {
    /// To store its notification, and then [`FirstRequest::finish`].
    First(FirstRequest),
    /// To answer it: the notification was stored by an earlier request, or that request failed just now.
    Answered(Result<(), NotStored>),
}

/// What to do with a request of several that begin together.
pub enum BegunTogether {
    /// The same as for a single request.
    Begun(Begun),
    /// Another request with its id is under way. Begin it alone, with [`Idempotency::begin`], once the others have finished.
    UnderWay,
}

/// Compares requests with earlier ones.
#[derive(Clone)]
pub struct Idempotency {
    registry: Arc<Registry>,
    /// `None` if PostgreSQL is not asked.
    lookup: Option<Lookup>,
    /// How long a request waits for another one.
    wait: Duration,
}

impl Idempotency {
    /// Looks for rows in `database`. The task ends when `stop` is cancelled.
    pub fn start(
        database: &Database,
        settings: IdempotencySettings,
        tasks: &mut Tasks,
        stop: &CancellationToken,
    ) -> Self {
        for counter in [replays(), reuses(), waits()] {
            counter.absolute(0);
        }
        Self {
            registry: Arc::default(),
            lookup: settings
                .lookup
                .map(|limit| Lookup::start(database, limit, tasks, stop)),
            wait: settings.wait,
        }
    }

    /// Begins a request of `sender`. Waits for an earlier one with the same key that is under way: the same request gets
    /// its answer.
    pub async fn begin(&self, request: KeyedRequest, sender: &str) -> Begun {
        let KeyedRequest { id, fingerprint } = request;
        let deadline = Instant::now() + self.wait;
        loop {
            let earlier = match self.registry.enter(id, fingerprint) {
                Found::Stored(stored) => return answered(request, Some(stored)),
                Found::First(first) => {
                    let found = self.find(vec![id], sender).await;
                    return after_lookup(first, &found);
                }
                Found::UnderWay(earlier) => earlier,
            };
            waits().increment(1);
            let is_same = !Fingerprint::differ(Some(earlier.fingerprint), Some(fingerprint));
            match timeout_at(deadline, earlier.outcome()).await {
                Ok(Some(RequestOutcome::Stored(stored))) => return answered(request, stored),
                Ok(Some(RequestOutcome::NotStored(error))) if is_same => {
                    return Begun::Answered(Err(error));
                }
                // Another request may try now, or the client of the earlier one has disconnected.
                Ok(_) => {}
                Err(_) => return Begun::First(self.registry.beside(id, fingerprint)),
            }
        }
    }

    /// Begins requests of `sender` that are stored together. Waits for no other request, because two batches that wait for
    /// each other would never end. Returns one result for each request, in their order.
    pub async fn begin_together(
        &self,
        requests: &[KeyedRequest],
        sender: &str,
    ) -> Vec<BegunTogether> {
        let found: Vec<Found> = requests
            .iter()
            .map(|request| self.registry.enter(request.id, request.fingerprint))
            .collect();
        let unknown = found.iter().filter_map(|found| match found {
            Found::First(first) => Some(first.id()),
            _ => None,
        });
        let rows = self.find(unknown.collect(), sender).await;
        let begun = |(found, request): (Found, &KeyedRequest)| match found {
            Found::Stored(stored) => BegunTogether::Begun(answered(*request, Some(stored))),
            Found::First(first) => BegunTogether::Begun(after_lookup(first, &rows)),
            Found::UnderWay(_) => BegunTogether::UnderWay,
        };
        found.into_iter().zip(requests).map(begun).collect()
    }

    async fn find(&self, ids: Vec<MessageId>, sender: &str) -> FoundRows {
        match &self.lookup {
            Some(lookup) if !ids.is_empty() => lookup.find(ids, sender.to_owned()).await,
            _ => FoundRows::new(),
        }
    }
}

/// Ends a request whose row was found.
fn after_lookup(first: FirstRequest, rows: &FoundRows) -> Begun {
    let id = first.id();
    let fingerprint = first.fingerprint();
    match rows.get(&id) {
        None => Begun::First(first),
        Some(stored) => {
            first.found(*stored);
            answered(KeyedRequest { id, fingerprint }, *stored)
        }
    }
}

/// The answer to a request whose notification was stored by a request with the fingerprint `stored`.
fn answered(request: KeyedRequest, stored: Option<Fingerprint>) -> Begun {
    Begun::Answered(if Fingerprint::differ(Some(request.fingerprint), stored) {
        Err(NotStored::KeyReused)
    } else {
        replays().increment(1);
        Ok(())
    })
}

/// The error of a request under whose idempotency key another notification is stored.
pub fn key_reused() -> ApiError {
    reuses().increment(1);
    ApiError::unprocessable(
        "idempotency_key_reused",
        "Another notification was sent under this idempotency key: repeat that one unchanged, or send this one under a key of its own",
    )
}

/// Counts the requests that were answered like an earlier one.
fn replays() -> metrics::Counter {
    counter!("tidings_idempotent_replays_total")
}

/// Counts the requests that waited for an earlier one.
fn waits() -> metrics::Counter {
    counter!("tidings_idempotency_waits_total")
}

/// Counts the requests that were refused because their idempotency key belongs to another notification.
fn reuses() -> metrics::Counter {
    counter!("tidings_idempotency_keys_reused_total")
}

#[cfg(test)]
mod tests;
