use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout};

use super::connection::Connection;

/// How long a connection is kept for the next message. Servers close them after some minutes
/// (RFC 5321 §4.5.3.2.7 says five), and what stands between may forget them sooner and tell nobody.
const MAX_IDLE: Duration = Duration::from_mins(1);

/// How long taking leave of a server may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// The connections that are open: so many at most, and those that nobody uses for a while.
///
/// It is our own because lettre's puts a connection back where its use was broken off half-way (by a
/// timeout, say), and from there on takes the answers to one message for those to the next. It asks the
/// server before each message whether it is still there, too, and has no limit.
pub(super) struct Pool {
    slots: Semaphore,
    idle: Arc<Mutex<Idle>>,
}

#[derive(Default)]
struct Idle {
    /// The one that was used last is last.
    connections: Vec<(Instant, Connection)>,
    /// Whether a task is there that closes them.
    is_watched: bool,
}

impl Pool {
    pub(super) fn new(connections: usize) -> Self {
        Self {
            slots: Semaphore::new(connections),
            idle: Arc::default(),
        }
    }

    /// Waits for a turn to have a connection; `None` never, since it is not closed.
    pub(super) async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        self.slots.acquire().await.ok()
    }

    /// The connection that was used last, if there is one. Whether the server still knows it shows when
    /// it is used.
    pub(super) fn take(&self) -> Option<Connection> {
        let (since, connection) = lock(&self.idle).connections.pop()?;
        (since.elapsed() < MAX_IDLE).then_some(connection)
    }

    /// Keeps a connection for the next message.
    pub(super) fn keep(&self, connection: Connection) {
        let mut idle = lock(&self.idle);
        idle.connections.push((Instant::now(), connection));
        if !std::mem::replace(&mut idle.is_watched, true) {
            tokio::spawn(close_idle(Arc::downgrade(&self.idle)));
        }
    }
}

/// Closes connections that have not been used for too long, until there is none.
async fn close_idle(idle: Weak<Mutex<Idle>>) {
    let mut is_watched = true;
    while is_watched {
        sleep(MAX_IDLE / 2).await;
        let Some(idle) = idle.upgrade() else { return };
        let old: Vec<_>;
        {
            let mut idle = lock(&idle);
            let is_old = |(since, _): &mut (Instant, _)| since.elapsed() >= MAX_IDLE;
            old = idle.connections.extract_if(.., is_old).collect();
            // Under the lock: whoever keeps a connection from now on starts another of these.
            idle.is_watched = !idle.connections.is_empty();
            is_watched = idle.is_watched;
        }
        for (_, connection) in old {
            // A server that does not answer is left without a farewell.
            let _ = timeout(FAREWELL, connection.close()).await;
        }
    }
}

fn lock(idle: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    // Nothing is done under the lock that could leave it half-done.
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
