use tidings_broker::Backoff;
use tidings_db::audit::{ActorKind, AuditOrigin};
use tidings_db::demo::{self, SeedError};
use tidings_db::migrations::{self, MigrateError};
use tidings_db::{Database, SecretKeys};

use crate::settings::SchemaSettings;

/// Waits until the schema is up to date, and migrates if the settings say so. No message may be consumed
/// before, because every message would fail without the tables. Stores the secret of demo data with `keys`.
pub async fn wait_until_current(database: &Database, settings: SchemaSettings, keys: &SecretKeys) {
    let mut backoff = Backoff::new();
    loop {
        match prepare(database, settings, keys).await {
            Ok(true) => return,
            Ok(false) => tracing::warn!("the schema is not up to date: run `tidings migrate`"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "preparing the schema failed; trying again");
            }
        }
        backoff.pause().await;
    }
}

/// Why the schema or the demo data were not prepared.
#[derive(Debug, thiserror::Error)]
enum PrepareError {
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error(transparent)]
    Seed(#[from] SeedError),
}

async fn prepare(
    database: &Database,
    settings: SchemaSettings,
    keys: &SecretKeys,
) -> Result<bool, PrepareError> {
    if settings.migrate {
        for migration in migrations::run(database).await? {
            tracing::info!(migration, "migrated");
        }
    } else if !migrations::pending(database).await?.is_empty() {
        return Ok(false);
    }
    if settings.seed {
        let origin = AuditOrigin::new(ActorKind::System, "tidings-worker");
        let users = demo::seed(database, keys, &origin).await?;
        tracing::info!(
            users,
            "created missing demo data: users with contacts, templates"
        );
    }
    Ok(true)
}
