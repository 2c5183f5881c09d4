use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use tidings_db::{Database, user_sessions};
use tidings_domain::access::SessionId;

/// Longer than an access token can live.
const KEEP: Duration = Duration::from_mins(20);

/// Time between two tries until the sessions have been read once.
const FIRST_READ_INTERVAL: Duration = Duration::from_millis(200);

/// The sessions that have ended within the last 20 minutes: their access tokens have not expired, and are refused. While
/// PostgreSQL is away, what is known stays in force.
#[derive(Debug, Default)]
pub(super) struct EndedSessions(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    is_complete: bool,
    /// Until when a session must be known.
    ended: HashMap<SessionId, Instant>,
}

impl EndedSessions {
    /// Whether the session has ended; `None` if it is not known yet which sessions have.
    pub(super) fn contains(&self, session: SessionId) -> Option<bool> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.ended.contains_key(&session) {
            return Some(true);
        }
        known.is_complete.then_some(false)
    }

    /// Refuses the tokens of these sessions from now on, before the next poll.
    pub(super) fn add(&self, sessions: impl IntoIterator<Item = SessionId>) {
        let until = Instant::now() + KEEP;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known
            .ended
            .extend(sessions.into_iter().map(|session| (session, until)));
    }

    fn replace(&self, ended: Vec<SessionId>) {
        let now = Instant::now();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.is_complete = true;
        known.ended.retain(|_, until| *until > now);
        for session in ended {
            known.ended.entry(session).or_insert(now + KEEP);
        }
    }

    /// Reads the sessions that have ended every `poll`, without end.
    pub(super) async fn watch(&self, database: &Database, poll: Duration) {
        let mut reported = false;
        loop {
            let read = database
                .run(async |client| user_sessions::ended_recently(client, KEEP).await)
                .await;
            let pause = match read {
                Ok(ended) => {
                    reported = false;
                    self.replace(ended);
                    poll
                }
                Err(error) => {
                    if !reported {
                        reported = true;
                        tracing::warn!(%error, "cannot read which sessions have ended; what is known stays in force");
                    }
                    let is_complete = self
                        .0
                        .read()
                        .unwrap_or_else(PoisonError::into_inner)
                        .is_complete;
                    if is_complete {
                        poll
                    } else {
                        poll.min(FIRST_READ_INTERVAL)
                    }
                }
            };
            tokio::time::sleep(pause).await;
        }
    }
}
