//! The promises of Tidings, each shown against a real RabbitMQ and a real PostgreSQL.

#![expect(
    clippy::expect_used,
    reason = "a test fails by panicking, and so do the functions that tests share"
)]

mod bad_messages;
mod changed_settings;
mod db_migrations;
mod db_notifications;
mod db_transitions;
mod db_users;
mod deferring;
mod idempotency;
mod ladder;
mod ten_thousand;
