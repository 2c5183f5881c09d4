//! Demo data: the users and the templates that the documentation's examples speak of.

mod templates;
mod users;

pub use templates::{DEMO_TEMPLATES, DemoTemplate};

use crate::error::DbError;
use crate::pool::Database;

/// Makes the demo users and templates that are not there yet; what somebody changed or deleted is left
/// alone. Returns how many users were made.
///
/// # Errors
///
/// Those of the queries.
pub async fn seed(database: &Database) -> Result<usize, DbError> {
    let mut client = database.client().await?;
    let made = users::seed(&mut *client).await?;
    templates::seed(&*client).await?;
    client.keep();
    Ok(made)
}
