//! Which requests may leave a connection open, so that the number of idle connections is bounded.
//!
//! The pool of the HTTP client limits idle connections per host only, and anyone can be thousands of hosts. Requests
//! beyond the bound use a client that closes its connections.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidings_egress::AddressScope;
use tokio::time::Instant;
use url::Url;

use super::sender::MAX_IDLE;

/// Maximum number of connections that may be open for further requests, to all hosts.
pub(super) const MAX_KEPT: usize = 512;

/// An idle connection is closed after this time at the latest: the pool looks for connections that have been idle for
/// `MAX_IDLE` when so much time has passed.
const CLOSED_AFTER: Duration = MAX_IDLE
    .saturating_mul(2)
    .saturating_add(Duration::from_secs(1));

/// While other hosts want connections, a host keeps its own for this long. The next host that sends gets them, so
/// those that send much get them most likely.
const TURN: Duration = Duration::from_mins(1);

/// Of so many connections, one is given to other hosts at a time, so that most of them stay useful.
const PER_GIVEN: usize = 8;

/// Minimum time between two searches for connections that are no longer needed.
const SEARCH_INTERVAL: Duration = Duration::from_secs(1);

/// The connections that may be open for further requests.
pub(super) struct KeptConnections {
    max: usize,
    hasher: RandomState,
    state: Mutex<State>,
}

struct State {
    hosts: HashMap<u64, Host>,
    /// The connections of all hosts.
    total: usize,
    next_search: Instant,
}

/// The connections to one host.
struct Host {
    /// Requests in progress on connections that are kept.
    in_use: usize,
    /// Connections that may be open, including those in use.
    open: usize,
    /// Maximum of `in_use` since `counted_since`.
    peak: usize,
    counted_since: Instant,
    last_used: Instant,
    turn_began: Instant,
    /// The connections are given to other hosts once they are closed.
    leaves: bool,
}

/// Permission for one request to leave its connection open.
pub(super) struct KeptConnection {
    connections: Arc<KeptConnections>,
    host: u64,
    is_closed: bool,
}

impl KeptConnections {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            hasher: RandomState::new(),
            state: Mutex::new(State {
                hosts: HashMap::new(),
                total: 0,
                next_search: Instant::now(),
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns `None` if the connection of a request to `url` must be closed after it.
    pub(super) fn take(self: &Arc<Self>, url: &Url, scope: AddressScope) -> Option<KeptConnection> {
        let is_guarded = matches!(scope, AddressScope::AllowedAddresses);
        let place = (url.scheme(), url.host_str(), url.port_or_known_default());
        let host = self.hasher.hash_one((is_guarded, place));
        let now = Instant::now();
        let mut state = self.lock();
        let mut is_taken = state.take(host, self.max, now);
        if !is_taken && now >= state.next_search {
            state.next_search = now + SEARCH_INTERVAL;
            state.search(self.max.div_ceil(PER_GIVEN), now);
            is_taken = state.take(host, self.max, now);
        }
        is_taken.then(|| KeptConnection {
            connections: Arc::clone(self),
            host,
            is_closed: false,
        })
    }
}

impl State {
    fn take(&mut self, host: u64, max: usize, now: Instant) -> bool {
        let has_room = self.total < max;
        if !has_room && !self.hosts.contains_key(&host) {
            return false;
        }
        let host = self.hosts.entry(host).or_insert_with(|| Host::new(now));
        if host.leaves || (host.in_use == host.open && !has_room) {
            return false;
        }
        if host.in_use == host.open {
            host.open += 1;
            self.total += 1;
        }
        host.in_use += 1;
        host.peak = host.peak.max(host.in_use);
        host.last_used = now;
        true
    }

    /// Ends a request. A connection that `is_closed` needs no room any more.
    fn end(&mut self, host: u64, is_closed: bool, now: Instant) {
        let Some(known) = self.hosts.get_mut(&host) else {
            return;
        };
        known.in_use -= 1;
        known.last_used = now;
        if is_closed {
            known.open -= 1;
            self.total -= 1;
        }
        if known.open == 0 {
            self.hosts.remove(&host);
        }
    }

    /// Finds connections that are closed by now, and hosts whose turn has ended. At most `max_given` connections are given
    /// to other hosts at a time.
    fn search(&mut self, max_given: usize, now: Instant) {
        self.hosts.retain(|_, host| {
            host.count_again(now);
            host.open > 0
        });
        self.total = self.hosts.values().map(|host| host.open).sum();
        let leaving = self.hosts.values().filter(|host| host.leaves);
        let mut leaving: usize = leaving.map(|host| host.open).sum();
        let ended = |host: &&mut Host| !host.leaves && now - host.turn_began >= TURN;
        for host in self.hosts.values_mut().filter(ended) {
            if leaving >= max_given {
                break;
            }
            host.leaves = true;
            leaving += host.open;
        }
    }
}

impl Host {
    const fn new(now: Instant) -> Self {
        Self {
            in_use: 0,
            open: 0,
            peak: 0,
            counted_since: now,
            last_used: now,
            turn_began: now,
            leaves: false,
        }
    }

    /// Forgets connections that were not needed for so long that they are closed. The pool uses the connection that has
    /// been idle for the shortest time, so only as many as were in use at once stay open.
    fn count_again(&mut self, now: Instant) {
        if now - self.last_used >= CLOSED_AFTER {
            self.peak = self.in_use;
        } else if now - self.counted_since < CLOSED_AFTER {
            return;
        }
        self.open = self.open.min(self.peak);
        self.peak = self.in_use;
        self.counted_since = now;
    }
}

impl KeptConnection {
    /// Ends a request whose connection is closed.
    pub(super) fn closed(mut self) {
        self.is_closed = true;
    }
}

impl Drop for KeptConnection {
    fn drop(&mut self) {
        let mut state = self.connections.lock();
        state.end(self.host, self.is_closed, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(host: usize) -> Url {
        Url::parse(&format!("https://{host}.example/hooks")).expect("a URL")
    }

    fn take(all: &Arc<KeptConnections>, host: usize) -> Option<KeptConnection> {
        all.take(&url(host), AddressScope::AllowedAddresses)
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_beyond_the_bound_get_no_connection_until_others_are_closed() {
        let all = KeptConnections::new(4);
        for host in 0..4 {
            assert!(take(&all, host).is_some());
        }
        assert!(take(&all, 4).is_none());
        assert!(take(&all, 0).is_some(), "it is open already");
        let _in_use = take(&all, 0).expect("it is open already");
        assert!(take(&all, 0).is_none(), "a second connection");
        tokio::time::advance(CLOSED_AFTER).await;
        for host in 4..7 {
            assert!(take(&all, host).is_some(), "{host}");
        }
        assert!(take(&all, 7).is_none(), "one is still in use");
    }

    #[tokio::test(start_paused = true)]
    async fn the_connection_of_a_request_that_failed_is_free() {
        let all = KeptConnections::new(1);
        take(&all, 0).expect("a connection").closed();
        take(&all, 1).expect("a connection").closed();
        assert!(all.lock().hosts.is_empty());
        assert!(take(&all, 2).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_needs_fewer_connections_than_before_gives_some_back() {
        let all = KeptConnections::new(4);
        let many: Vec<_> = (0..4)
            .map(|_| take(&all, 0).expect("a connection"))
            .collect();
        drop(many);
        assert!(take(&all, 1).is_none());
        for _ in 0..2 {
            tokio::time::advance(CLOSED_AFTER / 2).await;
            assert!(take(&all, 0).is_some(), "it is used one at a time");
        }
        assert!(take(&all, 1).is_none(), "four were open half a minute ago");
        for _ in 0..2 {
            tokio::time::advance(CLOSED_AFTER / 2).await;
            assert!(take(&all, 0).is_some());
        }
        let _others: Vec<_> = (1..4).map(|host| take(&all, host).expect("free")).collect();
        assert!(take(&all, 4).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_sends_more_than_others_gets_a_connection_after_some_time() {
        let all = KeptConnections::new(8);
        let use_others = || (0..8).filter(|host| take(&all, *host).is_some()).count();
        use_others();
        let mut waited = 0;
        while take(&all, 8).is_none() {
            use_others();
            waited += 1;
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert!((60..120).contains(&waited), "after {waited} s");
        assert!(use_others() >= 6, "most of the others keep theirs");
    }

    #[tokio::test(start_paused = true)]
    async fn without_others_a_host_keeps_its_connections() {
        let all = KeptConnections::new(8);
        for _ in 0..600 {
            let in_use: Vec<_> = (0..8).map(|_| take(&all, 0)).collect();
            assert!(in_use.iter().all(Option::is_some));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }
}
