//! Stops the server without losing a request: waits for requests in flight, and answers connections that are
//! still in the listener's backlog.

mod backlog;
mod requests_in_flight;

pub use backlog::answer_backlog;
pub use requests_in_flight::{RequestGuard, RequestsInFlight};
