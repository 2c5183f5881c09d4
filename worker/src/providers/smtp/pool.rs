use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tidings_runtime::tasks::vital;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout};

use super::connection::SmtpConnection;

/// How long an idle connection is kept. Servers close idle connections after some minutes (RFC 5321 §4.5.3.2.7:
/// five), and a firewall may drop them earlier without notice.
const MAX_IDLE: Duration = Duration::from_mins(1);

/// Timeout of `QUIT`.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// A pool of SMTP connections with a maximum number.
///
/// lettre's own pool is not used. It returns a connection to the pool after its use was interrupted (by a
/// timeout, for example), and from then on takes the replies to one message for the replies to the next. It
/// also sends `NOOP` before each message, and it has no maximum.
pub(super) struct SmtpPool {
    slots: Semaphore,
    idle: Arc<Mutex<IdleConnections>>,
}

#[derive(Default)]
struct IdleConnections {
    /// Ordered by last use; the most recently used is last.
    connections: Vec<(Instant, SmtpConnection)>,
    /// Whether the task that closes idle connections runs.
    is_watched: bool,
}

impl SmtpPool {
    pub(super) fn new(connections: usize) -> Self {
        Self {
            slots: Semaphore::new(connections),
            idle: Arc::default(),
        }
    }

    /// Waits for permission to use a connection. Never `None`, because the semaphore is never closed.
    pub(super) async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        self.slots.acquire().await.ok()
    }

    /// Takes the most recently used connection. The server may have closed it, which its next use detects.
    pub(super) fn take(&self) -> Option<SmtpConnection> {
        let (since, connection) = lock(&self.idle).connections.pop()?;
        (since.elapsed() < MAX_IDLE).then_some(connection)
    }

    /// Returns a connection to the pool.
    pub(super) fn keep(&self, connection: SmtpConnection) {
        let mut idle = lock(&self.idle);
        idle.connections.push((Instant::now(), connection));
        if !std::mem::replace(&mut idle.is_watched, true) {
            let closing = close_idle(Arc::downgrade(&self.idle));
            tokio::spawn(vital("idle SMTP connections", closing));
        }
    }
}

/// Closes connections that have been idle too long, until there are no idle connections.
async fn close_idle(idle: Weak<Mutex<IdleConnections>>) {
    let mut is_watched = true;
    while is_watched {
        sleep(MAX_IDLE / 2).await;
        let Some(idle) = idle.upgrade() else { return };
        let old: Vec<_>;
        {
            let mut idle = lock(&idle);
            let is_old = |(since, _): &mut (Instant, _)| since.elapsed() >= MAX_IDLE;
            old = idle.connections.extract_if(.., is_old).collect();
            // Under the lock, so that the next returned connection starts a new task.
            idle.is_watched = !idle.connections.is_empty();
            is_watched = idle.is_watched;
        }
        for (_, connection) in old {
            // A server that does not answer is disconnected without `QUIT`.
            let _ = timeout(QUIT_TIMEOUT, connection.close()).await;
        }
    }
}

fn lock(idle: &Mutex<IdleConnections>) -> MutexGuard<'_, IdleConnections> {
    // No code under the lock can leave the state inconsistent.
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
