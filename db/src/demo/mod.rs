//! Demo data: the users and the templates that the examples in the documentation use.

mod templates;
mod users;

pub use templates::{DEMO_TEMPLATES, DemoTemplate};

use crate::database::Database;
use crate::error::DbError;
use crate::transaction::TransactionOptions;

/// Inserts the demo users and templates that do not exist yet, and leaves templates that were changed or
/// deleted as they are. Returns the number of users inserted.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn seed(database: &Database) -> Result<usize, DbError> {
    database
        .transaction(TransactionOptions::default(), async |transaction| {
            let made = users::seed(transaction).await?;
            templates::seed(transaction).await?;
            Ok(made)
        })
        .await
}
