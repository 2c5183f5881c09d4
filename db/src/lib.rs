//! PostgreSQL: the pool, the migrations, and one module of query functions a table.
//!
//! SQL stands in here alone, beside the one function that runs it. Functions take a
//! [`GenericClient`], so that their caller owns the transaction.

mod added;
mod database;
mod dedicated_client;
pub mod delivery_attempts;
pub mod demo;
pub mod device_tokens;
pub mod diagnostics;
mod error;
pub mod migrations;
pub mod notifications;
pub mod phone_numbers;
mod scratch;
mod settings;
pub mod templates;
mod tls;
mod transaction;
pub mod users;
mod watch;
pub mod webhook_endpoints;

pub use added::Added;
pub use database::{Database, PoolError};
pub use deadpool_postgres::{Client, GenericClient, Transaction};
pub use dedicated_client::DedicatedClient;
pub use error::{DbError, Trouble};
pub use scratch::{Scratch, ScratchError};
pub use settings::DatabaseSettings;
pub use tokio_postgres::IsolationLevel;
pub use transaction::{MAX_TRANSACTION_ATTEMPTS, TransactionOptions};
pub use watch::watch;
