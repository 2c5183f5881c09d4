//! The API: accepts notifications over HTTP and publishes them to RabbitMQ.
//!
//! No other crate knows about HTTP status codes.

mod acceptance;
mod accounts;
pub mod app;
mod audit;
mod auth;
mod client_info;
mod connection_limit;
mod cors;
mod dashboard;
mod error;
mod front_end;
mod grpc;
mod handlers;
mod html_page;
mod idempotency;
mod inbox;
mod json_body;
mod metrics_export;
mod middleware;
mod openapi;
mod page_turn;
mod protective_headers;
mod query;
mod rate_limit;
mod request_body;
mod request_id;
mod server_span;
mod serving;
pub mod settings;
mod shared_answers;
mod shutdown;
mod state;
mod system_checks;
#[cfg(test)]
mod test_log;
#[cfg(test)]
mod test_state;
