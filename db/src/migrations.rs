//! The schema, embedded in the programs.

use crate::database::Database;
use crate::error::DbError;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Any number that no other program takes for `pg_advisory_lock`: "tidings" in ASCII.
const LOCK: i64 = 0x0074_6964_696e_6773;

/// Why the schema is not up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The server is away or refuses.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A migration failed, or was changed after it ran.
    #[error("a migration failed: {0}")]
    Migration(#[from] refinery::Error),
}

/// A number that is another one for another schema: a digest of all migrations.
#[must_use]
pub fn fingerprint() -> u64 {
    embedded::migrations::runner()
        .get_migrations()
        .iter()
        // Order matters, and so does each.
        .fold(0, |digest: u64, migration| {
            digest.rotate_left(7).wrapping_mul(31) ^ migration.checksum()
        })
}

/// Brings the schema up to date. Returns the names of the migrations that ran now. Any number of
/// programs may call this at once: one works, the others wait for it.
///
/// # Errors
///
/// Where the server is away or a migration fails; each migration either ran as a whole or not at
/// all.
pub async fn run(database: &Database) -> Result<Vec<String>, MigrateError> {
    let mut client = database.dedicated_client().await?;
    // Both may wait for long: the lock for another runner, a migration for a large table.
    client
        .batch_execute("SET statement_timeout = 0")
        .await
        .map_err(DbError::from)?;
    client
        .execute("SELECT pg_advisory_lock($1)", &[&LOCK])
        .await
        .map_err(DbError::from)?;
    // On any way out the connection is closed, which also gives the lock back.
    let report = embedded::migrations::runner()
        // A newer version may have migrated already; this one runs on (it leaves what it does not know).
        .set_abort_missing(false)
        .run_async(&mut ***client)
        .await?;
    Ok(report
        .applied_migrations()
        .iter()
        .map(ToString::to_string)
        .collect())
}

/// The names of the migrations that have not run.
///
/// # Errors
///
/// Where the server is away, or the history in the database is not this program's.
pub async fn pending(database: &Database) -> Result<Vec<String>, MigrateError> {
    let mut client = database.dedicated_client().await?;
    let runner = embedded::migrations::runner();
    let exists = client
        .query_one(
            "SELECT to_regclass('refinery_schema_history') IS NOT NULL",
            &[],
        )
        .await
        .map_err(DbError::from)?;
    let applied = if exists.get(0) {
        runner.get_applied_migrations_async(&mut ***client).await?
    } else {
        Vec::new()
    };
    Ok(runner
        .get_migrations()
        .iter()
        .filter(|migration| {
            !applied
                .iter()
                .any(|done| done.version() == migration.version())
        })
        .map(ToString::to_string)
        .collect())
}
