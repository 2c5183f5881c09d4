use tidings_broker::Backoff;
use tidings_db::migrations::{self, MigrateError};
use tidings_db::{Database, demo};

use crate::settings::SchemaSettings;

/// Waits until the schema is up to date, bringing it there itself where the settings say so. Until
/// then no message may be taken: against a missing table all would fail.
pub async fn until_ready(database: &Database, settings: SchemaSettings) {
    let mut backoff = Backoff::new();
    loop {
        match make_ready(database, settings).await {
            Ok(true) => return,
            Ok(false) => tracing::warn!("the schema is not up to date: run `tidings migrate`"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the schema cannot be made ready; trying again");
            }
        }
        backoff.pause().await;
    }
}

async fn make_ready(database: &Database, settings: SchemaSettings) -> Result<bool, MigrateError> {
    if settings.migrate {
        for migration in migrations::run(database).await? {
            tracing::info!(migration, "migrated");
        }
    } else if !migrations::pending(database).await?.is_empty() {
        return Ok(false);
    }
    if settings.seed {
        let users = demo::seed(database).await?;
        tracing::info!(
            users,
            "made the demo data that were missing: users with contacts, templates"
        );
    }
    Ok(true)
}
