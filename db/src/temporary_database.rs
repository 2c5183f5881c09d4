//! A temporary database, so that a benchmark leaves nothing behind in another one.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::database::{Database, PoolError};
use crate::error::DbError;
use crate::migrations::{self, MigrateError};
use crate::settings::DatabaseSettings;

/// Why the temporary database cannot be created or dropped.
#[derive(Debug, thiserror::Error)]
pub enum TemporaryDatabaseError {
    /// `DATABASE_URL` is invalid.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The server refuses, for example because the role must not create databases.
    #[error("cannot create or drop a temporary database: {0}")]
    Server(#[from] DbError),
    /// The migrations failed.
    #[error("cannot migrate a temporary database: {0}")]
    Migrate(#[from] MigrateError),
}

/// A migrated database on the server of another database.
pub struct TemporaryDatabase {
    /// The settings of the connection to the temporary database.
    pub settings: DatabaseSettings,
    /// A pool of connections to the temporary database.
    pub database: Database,
    name: String,
    home: Database,
}

impl TemporaryDatabase {
    /// Creates and migrates a database on the server of `home`, whose role must have `CREATEDB`.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be created or migrated.
    pub async fn create(home: &DatabaseSettings) -> Result<Self, TemporaryDatabaseError> {
        let name = format!("tidings_bench_{}", Uuid::new_v4().simple());
        let url = replace_database_name(home.url.expose_secret(), &name);
        let settings = DatabaseSettings {
            url: SecretString::from(url),
            ..home.clone()
        };
        let home = Database::new(home, "tidings-bench")?;
        execute(&home, &format!("CREATE DATABASE {name}")).await?;
        let temporary = Self {
            // Plans as the worker does, whose statements the measurements execute.
            database: Database::with_generic_plans(&settings, "tidings-bench")?,
            settings,
            name,
            home,
        };
        match migrations::run(&temporary.database).await {
            Ok(_) => Ok(temporary),
            Err(error) => {
                temporary.discard().await?;
                Err(error.into())
            }
        }
    }

    /// The name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Drops the database and closes all connections to it.
    ///
    /// # Errors
    ///
    /// Returns an error if the server is unavailable.
    pub async fn discard(self) -> Result<(), TemporaryDatabaseError> {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        Ok(execute(&self.home, &drop).await?)
    }
}

async fn execute(database: &Database, statement: &str) -> Result<(), DbError> {
    let client = database.dedicated_client().await?;
    // Dropping a database with millions of rows takes long.
    client.batch_execute("SET statement_timeout = 0").await?;
    // The connection is closed, because its settings differ from those of the pool.
    client.batch_execute(statement).await?;
    Ok(())
}

/// Replaces the database's name in `url`.
fn replace_database_name(url: &str, name: &str) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let authority = base.find("://").map_or(0, |scheme| scheme + 3);
    let end = base[authority..]
        .find('/')
        .map_or(base.len(), |slash| authority + slash);
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    format!("{}/{name}{query}", &base[..end])
}

#[cfg(test)]
mod tests {
    use super::replace_database_name;

    #[test]
    fn the_url_of_another_database_differs_only_in_the_database_name() {
        for (url, expected) in [
            (
                "postgres://u:p@h:5432/tidings",
                "postgres://u:p@h:5432/other",
            ),
            ("postgres://h", "postgres://h/other"),
            (
                "postgres://h/a?sslmode=require",
                "postgres://h/other?sslmode=require",
            ),
        ] {
            assert_eq!(replace_database_name(url, "other"), expected);
        }
    }
}
