use std::collections::HashMap;
use std::time::Duration;

use tidings_broker::WaitKey;
use tokio::time::Instant;

use super::url_state::UrlState;
use crate::delivery::breaker::BreakerSettings;

/// Maximum number of URLs in memory. Above it, the one that was used least recently is removed: its next message is
/// sent as if the URL had never throttled.
const MAX_URLS: usize = 10_000;

/// Maximum number of users in memory whose endpoints all had to wait.
const MAX_ROUTES: usize = 10_000;

/// A URL that does not throttle is removed after this time.
const IDLE_AFTER: Duration = Duration::from_mins(10);

/// How long the endpoints of a user are remembered. An endpoint that is added meanwhile gets notifications late.
const ROUTE_AGE: Duration = Duration::from_secs(30);

/// The URLs that throttle or to which messages wait.
pub(super) struct UrlStates {
    breaker: BreakerSettings,
    states: HashMap<WaitKey, UrlState>,
    /// The URLs of the endpoints of a user, and when they were read.
    routes: HashMap<WaitKey, (Instant, Vec<WaitKey>)>,
}

impl UrlStates {
    pub(super) fn new(breaker: BreakerSettings) -> Self {
        Self {
            breaker,
            states: HashMap::new(),
            routes: HashMap::new(),
        }
    }

    pub(super) fn get(&self, key: WaitKey) -> Option<&UrlState> {
        self.states.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: WaitKey) -> Option<&mut UrlState> {
        self.states.get_mut(&key)
    }

    /// Returns the state of a URL of `host`, and creates it if it is missing.
    pub(super) fn get_or_insert(
        &mut self,
        key: WaitKey,
        host: &str,
        now: Instant,
    ) -> &mut UrlState {
        if self.states.len() >= MAX_URLS && !self.states.contains_key(&key) {
            self.remove_some(now);
        }
        let breaker = self.breaker;
        let state = self
            .states
            .entry(key)
            .or_insert_with(|| UrlState::new(host.to_owned(), breaker, now));
        state.last_used = now;
        state
    }

    fn remove_some(&mut self, now: Instant) {
        self.states.retain(|_, state| {
            state.is_throttled() || now.duration_since(state.last_used) < IDLE_AFTER
        });
        if self.states.len() >= MAX_URLS {
            let oldest = self.states.iter().min_by_key(|(_, state)| state.last_used);
            if let Some(key) = oldest.map(|(key, _)| *key) {
                self.states.remove(&key);
            }
        }
    }

    /// The number of URLs that throttle.
    pub(super) fn count_throttled(&self) -> usize {
        let throttled = self.states.values().filter(|state| state.is_throttled());
        throttled.count()
    }

    /// Remembers that the messages with the key `route` go to the URLs of `keys`.
    pub(super) fn remember_route(&mut self, route: WaitKey, keys: Vec<WaitKey>, now: Instant) {
        if self.routes.len() >= MAX_ROUTES {
            self.routes
                .retain(|_, (at, _)| now.duration_since(*at) < ROUTE_AGE);
        }
        // Without room, the row of each message of the user is read.
        if self.routes.len() < MAX_ROUTES {
            self.routes.insert(route, (now, keys));
        }
    }

    /// The URLs that a message with this key goes to.
    pub(super) fn urls_of(&self, key: WaitKey, now: Instant) -> Vec<WaitKey> {
        match self.routes.get(&key) {
            Some((at, keys)) if now.duration_since(*at) < ROUTE_AGE => keys.clone(),
            _ => vec![key],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_urls_in_memory_is_bounded() {
        let start = Instant::now();
        let mut urls = UrlStates::new(BreakerSettings {
            failures: 1,
            probe_after: Duration::from_secs(15),
            failing_for: None,
        });
        for number in 0..MAX_URLS + 5 {
            let now = start + Duration::from_millis(number as u64);
            let key = WaitKey::new(number as u128);
            let url = urls.get_or_insert(key, "a.example:443", now);
            url.throttled(now, Duration::from_secs(1), now);
        }
        assert_eq!(urls.states.len(), MAX_URLS);
        assert!(urls.get(WaitKey::new(4)).is_none(), "the oldest ones");
        assert!(urls.get(WaitKey::new(5)).is_some());
        assert_eq!(urls.count_throttled(), MAX_URLS);
    }

    #[test]
    fn the_endpoints_of_a_user_are_forgotten() {
        let now = Instant::now();
        let mut urls = UrlStates::new(BreakerSettings {
            failures: 1,
            probe_after: Duration::from_secs(15),
            failing_for: None,
        });
        let (user, keys) = (WaitKey::new(1), vec![WaitKey::new(2), WaitKey::new(3)]);
        urls.remember_route(user, keys.clone(), now);
        assert_eq!(urls.urls_of(user, now), keys);
        assert_eq!(urls.urls_of(user, now + ROUTE_AGE), [user]);
    }
}
