//! Demo data: the users and the templates that the documentation's examples speak of.

mod templates;
mod users;

pub use templates::{DEMO_TEMPLATES, DemoTemplate};

use crate::database::Database;
use crate::error::DbError;
use crate::transaction::TransactionOptions;

/// Makes the demo users and templates that are not there yet; what somebody changed or deleted is left
/// alone. Returns how many users were made.
///
/// # Errors
///
/// Those of the queries.
pub async fn seed(database: &Database) -> Result<usize, DbError> {
    database
        .transaction(TransactionOptions::default(), async |transaction| {
            let made = users::seed(transaction).await?;
            templates::seed(transaction).await?;
            Ok(made)
        })
        .await
}
