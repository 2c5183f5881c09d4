//! The HTTP server of the programs: actix-web on connections whose number, time and bytes are bounded.
//!
//! actix-web itself limits the time of the first request head only, sends its own errors without a body, and waits
//! without end for a client that does not read. [`serve`] therefore runs actix-web's services on a stream of its
//! own, which knows what its connection waits for.

mod byte_budget;
mod connection;
mod connection_table;
mod framework_error;
mod metrics_server;
mod middleware;
mod routes;
mod security_headers;
mod server;
mod slices;
mod stream;
#[cfg(test)]
mod tests;

pub use byte_budget::{ByteBudget, Reservation};
pub use connection::{Connection, Overloaded};
pub use framework_error::FrameworkError;
pub use metrics_server::MetricsServer;
pub use middleware::short_responses;
pub use routes::get_or_head;
pub use security_headers::set_security_headers;
pub use server::{Limits, ServerOptions, serve};
pub use slices::sliced;
