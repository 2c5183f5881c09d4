use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::activity::Activity;

/// The open connections, at most a fixed number.
pub struct Connections {
    places: Arc<Semaphore>,
    open: Mutex<HashMap<u64, Arc<Activity>>>,
    next: AtomicU64,
    response_timeout: Duration,
}

/// The place of one connection, free again when this is dropped.
pub struct Place {
    connections: Arc<Connections>,
    id: u64,
    activity: Arc<Activity>,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    pub fn new(max: usize, response_timeout: Duration) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(max)),
            open: Mutex::default(),
            next: AtomicU64::default(),
            response_timeout,
        })
    }

    /// Waits for a place for a connection. If there is none, closes the connection that has been unused for the longest time.
    pub async fn place(self: &Arc<Self>) -> Place {
        let places = Arc::clone(&self.places);
        let permit = loop {
            if let Ok(permit) = Arc::clone(&places).try_acquire_owned() {
                break permit;
            }
            self.evict();
            // If no connection is unused, one is evicted as soon as it is.
            let waiting = Arc::clone(&places).acquire_owned();
            if let Ok(Ok(permit)) = tokio::time::timeout(Duration::from_millis(250), waiting).await
            {
                break permit;
            }
        };
        let activity = Arc::new(Activity::new(self.response_timeout));
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.with_open(|open| open.insert(id, Arc::clone(&activity)));
        Place {
            connections: Arc::clone(self),
            id,
            activity,
            _permit: permit,
        }
    }

    fn evict(&self) {
        self.with_open(|open| {
            let unused = open.values().filter_map(|activity| {
                let since = activity.unused_since()?;
                Some((since, activity))
            });
            if let Some((_, activity)) = unused.min_by_key(|(since, _)| *since) {
                activity.evict();
            }
        });
    }

    fn with_open<T>(&self, change: impl FnOnce(&mut HashMap<u64, Arc<Activity>>) -> T) -> T {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut open);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        gauge!("tidings_grpc_connections").set(open.len() as f64);
        result
    }
}

impl Place {
    pub const fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let id = self.id;
        self.connections.with_open(|open| open.remove(&id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_full_server_closes_the_connection_that_is_unused_for_longest() {
        let connections = Connections::new(2, Duration::from_secs(30));
        let busy = connections.place().await;
        let call = busy.activity().begin(true);
        tokio::time::advance(Duration::from_secs(1)).await;
        let unused = connections.place().await;
        let waiting = connections.place();
        tokio::pin!(waiting);
        let second = Duration::from_secs(1);
        assert!(tokio::time::timeout(second, &mut waiting).await.is_err());
        assert!(unused.activity().evicted().is_cancelled());
        assert!(!busy.activity().evicted().is_cancelled());
        drop(unused);
        let next = tokio::time::timeout(second, waiting).await;
        assert!(next.is_ok());
        drop(call);
    }
}
