//! PostgreSQL: the pool, the migrations, and one module of query functions a table.
//!
//! SQL stands in here alone, beside the one function that runs it. Functions take a
//! [`GenericClient`], so that their caller owns the transaction.

pub mod demo;
pub mod diagnostics;
mod error;
pub mod migrations;
pub mod notifications;
mod pool;
mod settings;
pub mod templates;
mod tls;
pub mod users;
mod watch;

pub use deadpool_postgres::GenericClient;
pub use error::{DbError, Trouble};
pub use pool::{Client, Database};
pub use settings::DatabaseSettings;
pub use watch::watch;
