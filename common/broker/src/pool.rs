use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::backoff::Backoff;
use super::connector::Connector;
use super::publish_error::PublishError;
use super::session::{Session, Warning};
use crate::BrokerSettings;

/// The connections that a process publishes on, each kept up by a supervisor.
pub(super) struct Pool {
    settings: BrokerSettings,
    pub(super) connector: Connector,
    /// Whose turn it is to connect, while nobody is connected.
    opening: tokio::sync::Mutex<Backoff>,
    warnings: watch::Sender<Warning>,
    states: Mutex<Vec<State>>,
    /// Whether any connection is blocked.
    blocked: AtomicBool,
    changed: Box<dyn Fn(bool) + Send + Sync>,
}

/// What there is to publish on.
#[derive(Clone)]
pub(super) enum State {
    Disconnected,
    /// The broker has run short of memory or disk: all of its nodes take no publishes.
    Blocked(Arc<Session>),
    Connected(Arc<Session>),
}

/// One connection of a pool, for those who publish by it.
#[derive(Clone)]
pub(super) struct Member {
    pool: Arc<Pool>,
    state: watch::Receiver<State>,
}

/// One connection of a pool, for its supervisor.
pub(super) struct Seat {
    pub(super) pool: Arc<Pool>,
    pub(super) number: usize,
    state: watch::Sender<State>,
}

impl Pool {
    /// Without connections. `changed` is told whenever publishing becomes possible or impossible, and must
    /// not ask the pool.
    pub(super) fn new(
        settings: BrokerSettings,
        name: &'static str,
        changed: impl Fn(bool) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            connector: Connector::new(settings.clone(), name),
            settings,
            opening: tokio::sync::Mutex::default(),
            warnings: watch::Sender::new(Warning::Gone),
            states: Mutex::default(),
            blocked: AtomicBool::new(false),
            changed: Box::new(changed),
        })
    }

    /// Adds a connection, which is not there yet.
    pub(super) fn add(self: &Arc<Self>) -> (Seat, Member) {
        let (sender, receiver) = watch::channel(State::Disconnected);
        let number = {
            let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
            states.push(State::Disconnected);
            states.len() - 1
        };
        let seat = Seat {
            pool: Arc::clone(self),
            number,
            state: sender,
        };
        let member = Member {
            pool: Arc::clone(self),
            state: receiver,
        };
        (seat, member)
    }

    /// Any connection that can be published on.
    fn any(&self) -> Result<Arc<Session>, PublishError> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let connected = states.iter().find_map(State::connected);
        connected.ok_or(PublishError::Disconnected)
    }

    fn note(&self, number: usize, state: State) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let was_possible = is_possible(&states);
        states[number] = state;
        let blocked = states.iter().any(State::is_blocked);
        self.blocked.store(blocked, Ordering::Relaxed);
        let possible = is_possible(&states);
        if possible != was_possible {
            // Under the lock, so that whoever is told hears of changes in their order.
            (self.changed)(possible);
        }
    }
}

fn is_possible(states: &[State]) -> bool {
    states.iter().any(|state| state.connected().is_some()) && !states.iter().any(State::is_blocked)
}

impl State {
    fn connected(&self) -> Option<Arc<Session>> {
        match self {
            Self::Connected(session) => Some(Arc::clone(session)),
            Self::Blocked(_) | Self::Disconnected => None,
        }
    }

    const fn is_blocked(&self) -> bool {
        matches!(self, Self::Blocked(_))
    }
}

impl Member {
    /// The pool that it is one of.
    pub(super) const fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// This connection or, while it is away, another of the pool.
    pub(super) fn session(&self) -> Result<Arc<Session>, PublishError> {
        // The broker tells each connection when that first publishes, and means all of them.
        if self.pool.blocked.load(Ordering::Relaxed) {
            return Err(PublishError::Blocked);
        }
        let own = self.state.borrow().connected();
        own.map_or_else(|| self.pool.any(), Ok)
    }

    /// Waits until this connection is there.
    pub(super) async fn until_connected(&self) {
        let mut state = self.state.clone();
        // Ends with an error only when the supervisor is gone, that is when the program stops.
        let _ = state
            .wait_for(|state| matches!(state, State::Connected(_)))
            .await;
    }
}

impl Seat {
    /// Opens a session, however long that takes. While nobody has one, one after the other tries.
    ///
    /// A `newcomer` to a pool that has others finds everything declared by them: at the start all would declare
    /// it, and the broker would have that much more to do.
    pub(super) async fn open(&self, newcomer: bool) -> Arc<Session> {
        let Pool {
            connector,
            settings,
            ..
        } = &*self.pool;
        let mut own = Backoff::new();
        loop {
            let turn = self.pool.opening.lock().await;
            let others = self.pool.any().is_ok();
            // Nobody waits for one who opens just another connection.
            let mut turn = (!others).then_some(turn);
            match Session::open(connector, settings, newcomer && others).await {
                Ok(session) => {
                    let session = Arc::new(session);
                    self.enter(State::Connected(Arc::clone(&session)));
                    if let Some(backoff) = &mut turn {
                        backoff.reset();
                    }
                    return session;
                }
                Err(error) => {
                    tracing::warn!(
                        connection = connector.name(),
                        number = self.number,
                        error = &error as &dyn std::error::Error,
                        "cannot publish; trying again"
                    );
                    turn.as_deref_mut().unwrap_or(&mut own).pause().await;
                }
            }
        }
    }

    /// What the ends of other sessions let fear of one that is open.
    pub(super) fn warnings(&self) -> watch::Receiver<Warning> {
        self.pool.warnings.subscribe()
    }

    /// Tells what the end of a session lets fear of the others.
    pub(super) fn warn(&self, warning: Warning) {
        self.pool.warnings.send_replace(warning);
    }

    /// Notes how the connection is.
    pub(super) fn enter(&self, state: State) {
        self.state.send_replace(state.clone());
        self.pool.note(self.number, state);
    }

    /// The connection, where there is one.
    pub(super) fn session(&self) -> Option<Arc<Session>> {
        match &*self.state.borrow() {
            State::Connected(session) | State::Blocked(session) => Some(Arc::clone(session)),
            State::Disconnected => None,
        }
    }
}

/// However its supervisor ends, nobody is to publish there any more.
impl Drop for Seat {
    fn drop(&mut self) {
        self.enter(State::Disconnected);
    }
}
