//! The API: takes notifications over HTTP and publishes them to RabbitMQ.
//!
//! HTTP status codes are known in here alone.

pub mod app;
mod auth;
mod context;
mod error;
mod farewell;
mod handlers;
mod in_flight;
mod json_body;
mod openapi;
mod query;
mod receive;
pub mod settings;
mod state;
