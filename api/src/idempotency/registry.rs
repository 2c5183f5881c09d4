use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidings_domain::notification::{Fingerprint, MessageId};
use tokio::sync::watch;

use super::recent::RecentRequests;
use crate::acceptance::NotStored;

/// What came of a request with an idempotency key.
#[derive(Clone, Debug)]
pub(super) enum RequestOutcome {
    /// The notification with its id is stored, by a request with this fingerprint if that is known.
    Stored(Option<Fingerprint>),
    /// It is not known to be stored.
    NotStored(NotStored),
}

/// The requests with an idempotency key that this process has stored lately or is storing. Never waits.
#[derive(Default)]
pub(super) struct Registry(Mutex<Requests>);

#[derive(Default)]
struct Requests {
    recent: RecentRequests,
    under_way: HashMap<MessageId, UnderWay>,
}

/// A request that is under way.
#[derive(Clone)]
pub(super) struct UnderWay {
    pub(super) fingerprint: Fingerprint,
    outcome: watch::Receiver<Option<RequestOutcome>>,
}

/// What the registry knows about a request.
pub(super) enum Found {
    /// Its notification was stored by a request with this fingerprint.
    Stored(Fingerprint),
    /// Another request with its id is under way.
    UnderWay(UnderWay),
    /// Nothing: from now on, it is the one that is under way.
    First(FirstRequest),
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for a request, and enters it if nothing is known about its id.
    pub(super) fn enter(self: &Arc<Self>, id: MessageId, fingerprint: Fingerprint) -> Found {
        let mut requests = self.lock();
        if let Some(stored) = requests.recent.get(id) {
            return Found::Stored(stored);
        }
        match requests.under_way.entry(id) {
            Entry::Occupied(entry) => Found::UnderWay(entry.get().clone()),
            Entry::Vacant(entry) => {
                let (sender, outcome) = watch::channel(None);
                entry.insert(UnderWay {
                    fingerprint,
                    outcome,
                });
                Found::First(FirstRequest {
                    registry: Arc::clone(self),
                    id,
                    fingerprint,
                    outcome: Some(sender),
                })
            }
        }
    }

    /// A request that does not wait any longer for the one that is under way.
    pub(super) fn beside(
        self: &Arc<Self>,
        id: MessageId,
        fingerprint: Fingerprint,
    ) -> FirstRequest {
        FirstRequest {
            registry: Arc::clone(self),
            id,
            fingerprint,
            outcome: None,
        }
    }
}

impl UnderWay {
    /// Waits for the outcome; `None` if the request has ended without one, because its client has disconnected or because
    /// it was refused.
    pub(super) async fn outcome(mut self) -> Option<RequestOutcome> {
        let outcome = self.outcome.wait_for(Option::is_some).await;
        outcome.ok().and_then(|outcome| outcome.clone())
    }
}

/// The first request with its id, as far as this process knows. If this is dropped without an outcome, a request that waits
/// takes its place.
pub struct FirstRequest {
    registry: Arc<Registry>,
    id: MessageId,
    fingerprint: Fingerprint,
    /// `None` if another request is entered as the first one.
    outcome: Option<watch::Sender<Option<RequestOutcome>>>,
}

impl FirstRequest {
    pub(super) const fn id(&self) -> MessageId {
        self.id
    }

    pub(super) const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The request has stored its notification, or failed to. Only what is stored is remembered.
    pub fn finish<T>(self, result: &Result<T, NotStored>) {
        self.end(match result {
            Ok(_) => RequestOutcome::Stored(Some(self.fingerprint)),
            Err(error) => RequestOutcome::NotStored(error.clone()),
        });
    }

    /// The notification was stored before, by a request with the fingerprint `stored`.
    pub(super) fn found(self, stored: Option<Fingerprint>) {
        self.end(RequestOutcome::Stored(stored));
    }

    fn end(&self, outcome: RequestOutcome) {
        let mut requests = self.registry.lock();
        if let RequestOutcome::Stored(Some(stored)) = outcome {
            requests.recent.insert(self.id, stored);
        }
        if let Some(sender) = &self.outcome {
            requests.under_way.remove(&self.id);
            sender.send_replace(Some(outcome));
        }
    }
}

impl Drop for FirstRequest {
    fn drop(&mut self) {
        // After an outcome, the entry is another request's.
        if let Some(sender) = self.outcome.take()
            && sender.borrow().is_none()
        {
            self.registry.lock().under_way.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use tidings_broker::PublishError;

    use super::*;

    fn fingerprint(byte: u8) -> Fingerprint {
        Fingerprint::from_bytes(&[byte; 17]).expect("17 bytes")
    }

    fn refused() -> Result<(), NotStored> {
        Err(PublishError::TimedOut.into())
    }

    fn first(registry: &Arc<Registry>, id: MessageId) -> FirstRequest {
        match registry.enter(id, fingerprint(1)) {
            Found::First(first) => first,
            _ => panic!("something is known about {id}"),
        }
    }

    fn under_way(registry: &Arc<Registry>, id: MessageId) -> UnderWay {
        match registry.enter(id, fingerprint(2)) {
            Found::UnderWay(under_way) => under_way,
            _ => panic!("{id} is not under way"),
        }
    }

    fn is_empty(registry: &Registry) -> bool {
        registry.lock().under_way.is_empty()
    }

    #[tokio::test]
    async fn a_request_that_is_stored_is_remembered_and_those_that_wait_learn_it() {
        let (registry, id) = (Arc::default(), MessageId::generate());
        let request = first(&registry, id);
        let waiting = under_way(&registry, id);
        assert_eq!(waiting.fingerprint, fingerprint(1));
        request.finish(&Ok(()));
        let outcome = waiting.outcome().await;
        assert!(
            matches!(outcome, Some(RequestOutcome::Stored(Some(stored))) if stored == fingerprint(1))
        );
        let again = registry.enter(id, fingerprint(2));
        assert!(matches!(again, Found::Stored(stored) if stored == fingerprint(1)));
        assert!(is_empty(&registry));
    }

    #[tokio::test]
    async fn a_request_that_fails_is_not_remembered_and_those_that_wait_learn_why() {
        let (registry, id) = (Arc::default(), MessageId::generate());
        let request = first(&registry, id);
        let waiting = under_way(&registry, id);
        request.finish(&refused());
        assert!(matches!(
            waiting.outcome().await,
            Some(RequestOutcome::NotStored(_))
        ));
        drop(first(&registry, id));
        assert!(is_empty(&registry));
    }

    #[tokio::test]
    async fn a_request_whose_client_disconnects_gives_its_place_to_one_that_waits() {
        let (registry, id) = (Arc::default(), MessageId::generate());
        let request = first(&registry, id);
        let waiting = under_way(&registry, id);
        drop(request);
        assert!(waiting.outcome().await.is_none());
        let next = first(&registry, id);
        assert!(!is_empty(&registry));
        next.finish(&Ok(()));
        assert!(is_empty(&registry));
    }

    #[test]
    fn a_row_without_a_fingerprint_is_found_and_not_remembered() {
        let (registry, id) = (Arc::default(), MessageId::generate());
        first(&registry, id).found(None);
        drop(first(&registry, id));
        first(&registry, id).found(Some(fingerprint(7)));
        let again = registry.enter(id, fingerprint(1));
        assert!(matches!(again, Found::Stored(stored) if stored == fingerprint(7)));
    }

    #[test]
    fn a_request_beside_the_first_one_changes_nothing_for_it() {
        let (registry, id) = (Arc::default(), MessageId::generate());
        let request = first(&registry, id);
        drop(registry.beside(id, fingerprint(2)));
        registry.beside(id, fingerprint(2)).finish(&refused());
        let _ = under_way(&registry, id);
        registry.beside(id, fingerprint(2)).finish(&Ok(()));
        request.finish(&Ok(()));
        let again = registry.enter(id, fingerprint(1));
        assert!(matches!(again, Found::Stored(stored) if stored == fingerprint(2)));
        assert!(is_empty(&registry));
    }
}
