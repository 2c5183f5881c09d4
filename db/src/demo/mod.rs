//! Demo data: the users and the templates that the examples in the documentation use.

mod templates;
mod users;

pub use templates::{DEMO_TEMPLATES, DemoTemplate};

use crate::audit::{self, Action, AuditOrigin};
use crate::database::Database;
use crate::error::DbError;
use crate::secret_keys::{SealError, SecretKeys};
use crate::transaction::TransactionOptions;

/// Why the demo data were not inserted.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A query failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The secret of the demo endpoint cannot be stored.
    #[error("the demo endpoint cannot be created: {0}")]
    Secret(#[from] SealError),
}

/// Inserts the demo users and templates that do not exist yet, and leaves templates that were changed or
/// deleted as they are. The secret of the demo endpoint is stored with `keys`. Writes an entry of the audit log unless
/// everything exists. Returns the number of users inserted.
///
/// # Errors
///
/// Returns the error of the query that fails, and [`SeedError::Secret`] in production without `SECRETS_KEY`.
pub async fn seed(
    database: &Database,
    keys: &SecretKeys,
    origin: &AuditOrigin,
) -> Result<usize, SeedError> {
    let secret = users::webhook_secret(keys)?;
    let made = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let made = users::seed(transaction, &secret).await?;
            let templates = templates::seed(transaction).await?;
            if made + templates > 0 {
                let entry = origin
                    .entry(Action::DemoSeed)
                    .with("users", made)
                    .with("templates", templates);
                audit::record(transaction, &entry).await?;
            }
            Ok(made)
        })
        .await?;
    Ok(made)
}
