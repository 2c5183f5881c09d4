//! PostgreSQL: the pool, transactions, the migrations, and one module of query functions per table.
//!
//! Only this crate contains SQL, beside the one function that runs it. Query functions take a
//! [`GenericClient`] or, if they need one, a [`Transaction`]: the caller owns the transaction.

pub mod address_preferences;
pub mod api_keys;
pub mod attempt_limits;
pub mod audit;
pub mod categories;
pub mod clock;
mod conflict_retry;
pub mod contact_codes;
mod control_state;
pub mod credentials;
mod database;
mod dedicated_client;
pub mod delivery_attempts;
pub mod delivery_measurements;
pub mod demo;
pub mod device_tokens;
pub mod diagnostics;
mod error;
pub mod inbox;
pub mod invites;
mod limited_insert;
pub mod migrations;
mod monitor_health;
pub mod notifications;
mod page;
pub mod password_resets;
pub mod phone_numbers;
pub mod preconditions;
pub mod preferences;
pub mod rate_buckets;
pub mod retention;
mod savepoint;
pub mod scheduler_heartbeats;
pub mod schedules;
mod secret_keys;
pub mod sending_switches;
mod session;
mod settings;
pub mod templates;
mod temporary_database;
mod tls;
mod transaction;
pub mod unsubscribes;
pub mod user_deletions;
pub mod user_sessions;
pub mod user_settings;
pub mod users;
pub mod webhook_endpoints;

pub use conflict_retry::MAX_CONFLICT_RETRIES;
pub use control_state::ControlState;
pub use database::{Database, PoolError};
pub use deadpool_postgres::{Client, GenericClient, Transaction};
pub use dedicated_client::DedicatedClient;
pub use error::{DbError, DbErrorKind};
pub use limited_insert::LimitedInsert;
pub use monitor_health::monitor_health;
pub use page::{InvalidCursor, NumberCursor, PAGE_BYTES};
pub use secret_keys::{EndpointSecret, KeyId, OpenError, SealError, SecretKeys};
pub use session::Pooler;
pub use settings::DatabaseSettings;
pub use temporary_database::{TemporaryDatabase, TemporaryDatabaseError};
pub use tokio_postgres::IsolationLevel;
pub use transaction::TransactionOptions;
