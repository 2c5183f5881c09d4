//! The schema, embedded in the programs.

use deadpool_postgres::Client;
use refinery::Target;

use crate::database::Database;
use crate::error::DbError;
use crate::preconditions::{PreconditionError, preconditions};
use crate::session::Pooler;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The key of the advisory lock; "tidings" in ASCII, which no other program uses.
const LOCK: i64 = 0x0074_6964_696e_6773;

/// The migration that makes e-mail addresses unique in all their spellings.
const UNIQUE_ADDRESSES: i64 = 28;

/// Lists the users that prevent [`UNIQUE_ADDRESSES`]. The spelling is that of `normal_email`, which this migration creates.
const LIST_SHARED_ADDRESSES: &str = "SELECT id, username, email, created_at FROM \
    (SELECT *, count(*) OVER (PARTITION BY lower(normalize(email, NFC) COLLATE \"C\")) AS users FROM users WHERE email IS NOT NULL) AS u \
    WHERE users > 1 ORDER BY lower(normalize(email, NFC) COLLATE \"C\"), created_at";

/// Why the migrations failed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The server is unavailable or refuses a statement.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The database cannot be used.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// Migration 12 would garble this number of e-mail addresses.
    #[error(
        "in the locale of the database, lower('I') is not 'i', so migration 12 would garble {0} e-mail addresses; write \
         them in lower case first, for example with `UPDATE users SET email = lower(email COLLATE \"C\")`, and migrate again"
    )]
    GarbledAddresses(i64),
    /// Users have the same address in different spellings, which migration 28 makes impossible.
    #[error(
        "{addresses} e-mail addresses belong to several users in different spellings, {users} users in all, and migration 28 \
         makes an address unique in all its spellings; nothing was changed; list these users with `{LIST_SHARED_ADDRESSES}`, \
         leave each address to one user, for example with `UPDATE users SET email = NULL WHERE id = '…'` for the others, and \
         migrate again"
    )]
    SharedAddresses {
        /// How many addresses several users have.
        addresses: i64,
        /// How many users have one of these addresses.
        users: i64,
    },
    /// A migration failed, or changed after it ran.
    #[error("a migration failed: {0}")]
    Migration(#[from] refinery::Error),
}

/// Returns a digest of all migrations, which differs between schemas.
#[must_use]
pub fn fingerprint() -> u64 {
    embedded::migrations::runner()
        .get_migrations()
        .iter()
        // The digest depends on every migration and on their order.
        .fold(0, |digest: u64, migration| {
            digest.rotate_left(7).wrapping_mul(31) ^ migration.checksum()
        })
}

/// Runs the migrations that have not run yet, and returns their names. Concurrent calls wait for each
/// other.
///
/// # Errors
///
/// Returns an error if the server is unavailable or a migration fails. A migration that fails changes
/// nothing.
pub async fn run(database: &Database) -> Result<Vec<String>, MigrateError> {
    run_to(database, Target::Latest).await
}

/// Runs the migrations up to number `version`, for a test of a later migration on existing rows.
///
/// # Errors
///
/// Like [`run`].
pub async fn run_until(database: &Database, version: i64) -> Result<Vec<String>, MigrateError> {
    run_to(database, Target::Version(version)).await
}

async fn run_to(database: &Database, target: Target) -> Result<Vec<String>, MigrateError> {
    if let Some(problem) = preconditions(database).await?.into_iter().next() {
        return Err(problem.into());
    }
    let mut client = database.dedicated_client().await?;
    // Waiting for another runner's lock and a migration of a large table can both take long.
    let lock = match database.pooler() {
        Pooler::None => None,
        // The lock belongs to a transaction on a connection of its own: one of the session would stay in the pooler.
        Pooler::Transaction => Some(database.separate_client().await?),
    };
    if let Some(lock) = &lock {
        let statements = format!(
            "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
             SELECT pg_advisory_xact_lock({LOCK})"
        );
        lock.batch_execute(&statements)
            .await
            .map_err(DbError::from)?;
    } else {
        let statements = format!("SET statement_timeout = 0; SELECT pg_advisory_lock({LOCK})");
        client
            .batch_execute(&statements)
            .await
            .map_err(DbError::from)?;
    }
    // Closing the connection releases the lock, however this function returns.
    let garbled = addresses_to_garble(&client).await?;
    if garbled > 0 {
        return Err(MigrateError::GarbledAddresses(garbled));
    }
    if let Some(shared) = shared_addresses(&client, target).await? {
        return Err(shared);
    }
    let report = embedded::migrations::runner()
        // A newer version may have migrated the database already; ignore migrations that this
        // version does not know.
        .set_abort_missing(false)
        .set_target(target)
        .run_async(&mut ***client)
        .await?;
    drop(lock);
    Ok(report
        .applied_migrations()
        .iter()
        .map(ToString::to_string)
        .collect())
}

/// Returns how many e-mail addresses migration 12 would garble, if it has not run yet.
///
/// Migration 12 writes addresses in lower case by the locale of the database, and in Turkish and Azerbaijani `lower('I')`
/// is `ı`, another letter. A migration that has run anywhere must not change. Later versions are not affected: the API
/// writes addresses in lower case, and PostgreSQL compares them byte by byte.
async fn addresses_to_garble(client: &Client) -> Result<i64, DbError> {
    let sql = "SELECT lower('I') <> 'i' AND to_regclass('users') IS NOT NULL";
    let is_possible: bool = client.query_one(sql, &[]).await?.get(0);
    if !is_possible {
        return Ok(0);
    }
    let sql = r#"SELECT count(*) FROM users
                 WHERE email ~ '^[\x01-\x7f]+$' AND lower(email) <> lower(email COLLATE "C")
                   AND NOT EXISTS (SELECT FROM refinery_schema_history WHERE version = 12)"#;
    Ok(client.query_one(sql, &[]).await?.get(0))
}

/// Returns the error if users have the same address in different spellings, and [`UNIQUE_ADDRESSES`] would run.
async fn shared_addresses(
    client: &Client,
    target: Target,
) -> Result<Option<MigrateError>, DbError> {
    if matches!(target, Target::Version(version) if version < UNIQUE_ADDRESSES) {
        return Ok(None);
    }
    let sql = "SELECT to_regclass('users') IS NOT NULL AND to_regclass('refinery_schema_history') IS NOT NULL";
    let is_possible: bool = client.query_one(sql, &[]).await?.get(0);
    if !is_possible {
        return Ok(None);
    }
    // Sorts and counts all addresses, but only until the migration has run.
    let sql = format!(
        r#"SELECT count(*), coalesce(sum(users), 0)::bigint FROM (
               SELECT count(*) AS users FROM users
               WHERE email IS NOT NULL
                 AND NOT EXISTS (SELECT FROM refinery_schema_history WHERE version = {UNIQUE_ADDRESSES})
               GROUP BY lower(normalize(email, NFC) COLLATE "C") HAVING count(*) > 1
           ) AS shared"#
    );
    let row = client.query_one(&sql, &[]).await?;
    let (addresses, users) = (row.get(0), row.get(1));
    Ok((addresses > 0).then_some(MigrateError::SharedAddresses { addresses, users }))
}

/// Returns the names of the migrations that have not run, in the order in which they run.
///
/// # Errors
///
/// Returns an error if the server is unavailable or the migration history cannot be read.
pub async fn pending(database: &Database) -> Result<Vec<String>, MigrateError> {
    let runner = embedded::migrations::runner();
    let exists = database
        .run(async |client| {
            let sql = "SELECT to_regclass('refinery_schema_history') IS NOT NULL";
            Ok(client.query_one(sql, &[]).await?.get(0))
        })
        .await?;
    let mut client = database.dedicated_client().await?;
    let applied = if exists {
        runner.get_applied_migrations_async(&mut ***client).await?
    } else {
        Vec::new()
    };
    let mut pending: Vec<_> = runner
        .get_migrations()
        .iter()
        .filter(|migration| {
            !applied
                .iter()
                .any(|done| done.version() == migration.version())
        })
        .collect();
    // The order in which they run. They are embedded in the order of their names, where V10 precedes V2.
    pending.sort_by_key(|migration| migration.version());
    Ok(pending.into_iter().map(ToString::to_string).collect())
}
