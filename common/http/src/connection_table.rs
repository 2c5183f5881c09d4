use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tidings_runtime::tasks::vital;
use tokio::time::{MissedTickBehavior, interval};

use crate::byte_budget::ByteBudget;
use crate::connection::{Clock, Connection, End, Phase};

/// The unit of the timeouts of connections.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// How long a refused client may take to read its response and to close the connection.
const CLOSING: Duration = Duration::from_secs(2);

/// While responses fill more than half of their budget, clients have this fraction of the time to read them.
const SCARCE_DIVISOR: u32 = 8;

/// The part of a thread's connections that is closed at once if there are too many.
const EVICTED_PART: usize = 8;

/// How long a connection may wait for its client, in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) idle: u32,
    pub(crate) head: u32,
    pub(crate) response: u32,
}

/// The number of ticks that cover `time`.
pub(crate) fn ticks(time: Duration) -> u32 {
    let ticks = time.as_millis().div_ceil(TICK.as_millis());
    u32::try_from(ticks).unwrap_or(u32::MAX)
}

/// The connections of one thread.
///
/// Requests only store the current tick in their connection. The timeouts are checked by one task for all
/// connections, so that no request sets a timer.
#[derive(Debug)]
pub(crate) struct ConnectionTable {
    clock: Rc<Clock>,
    timeouts: Timeouts,
    /// As soon as the thread has this many connections, those that have waited longest for their client are closed.
    capacity: usize,
    budget: Arc<ByteBudget>,
    connections: RefCell<HashMap<u64, Rc<Connection>>>,
    next_id: Cell<u64>,
}

/// The place of a connection in the table, until the value is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    table: Rc<ConnectionTable>,
    id: u64,
}

impl ConnectionTable {
    pub(crate) fn new(capacity: usize, timeouts: Timeouts, budget: Arc<ByteBudget>) -> Rc<Self> {
        Rc::new(Self {
            clock: Rc::default(),
            timeouts,
            capacity,
            budget,
            connections: RefCell::default(),
            next_id: Cell::new(0),
        })
    }

    /// Adds a connection. Closes others if there are too many.
    pub(crate) fn add(self: &Rc<Self>) -> (Rc<Connection>, Place) {
        if self.connections.borrow().len() >= self.capacity {
            self.evict();
        }
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        if id == 0 {
            let checking = check_timeouts(Rc::downgrade(self));
            actix_rt::spawn(vital("connection timeouts", checking));
        }
        let connection = Connection::new(Rc::clone(&self.clock), self.budget.reservation());
        self.connections
            .borrow_mut()
            .insert(id, Rc::clone(&connection));
        let place = Place {
            table: Rc::clone(self),
            id,
        };
        (connection, place)
    }

    /// Makes room for one more connection, and for a part of the capacity, so that not every new connection searches.
    ///
    /// Closes the connections whose last request is the longest ago and that wait for the next one. If there are
    /// none, closes those that wait for a body or for a client that does not read.
    fn evict(&self) {
        let connections = self.connections.borrow();
        let mut living: Vec<_> = connections
            .values()
            .filter(|connection| connection.ended().is_none())
            .collect();
        if living.len() < self.capacity {
            return;
        }
        let count = living.len() + 1 - self.capacity + self.capacity / EVICTED_PART;
        living.retain(|connection| !matches!(connection.phase(), Phase::Handler | Phase::Stream));
        living.sort_unstable_by_key(|connection| {
            let is_idle = matches!(connection.phase(), Phase::Idle | Phase::Head);
            (!is_idle, connection.order())
        });
        for connection in living.into_iter().take(count) {
            let is_blocked = connection.blocked_age().is_some();
            let end = if is_blocked { End::Abort } else { End::Close };
            close(connection, end, "no_room");
        }
    }

    /// Ends the connections whose client has taken too long.
    pub(crate) fn tick(&self) {
        self.clock.now.set(self.clock.now.get().saturating_add(1));
        let scarce = self.budget.is_scarce();
        let response = if scarce {
            self.timeouts.response.div_ceil(SCARCE_DIVISOR)
        } else {
            self.timeouts.response
        };
        let Timeouts { idle, head, .. } = self.timeouts;
        for connection in self.connections.borrow().values() {
            let age = connection.phase_age();
            if connection.blocked_age().is_some_and(|age| age > response) {
                close(connection, End::Abort, "response_not_read");
                continue;
            }
            match connection.phase() {
                Phase::Idle if age > idle => close(connection, End::Close, "idle"),
                Phase::Head if age > head => close(connection, End::SlowHead, "slow_head"),
                Phase::Closing if age > ticks(CLOSING) => {
                    close(connection, End::Close, "refused");
                }
                _ => {}
            }
        }
    }
}

/// Ends a connection and counts why.
fn close(connection: &Connection, end: End, reason: &'static str) {
    if connection.ended().is_none() {
        counter!("tidings_http_connections_closed_total", "reason" => reason).increment(1);
    }
    connection.finish(end);
}

impl Drop for Place {
    fn drop(&mut self) {
        self.table.connections.borrow_mut().remove(&self.id);
    }
}

async fn check_timeouts(table: Weak<ConnectionTable>) {
    let mut interval = interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(table) = table.upgrade() else { return };
        table.tick();
    }
}
