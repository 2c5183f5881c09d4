//! A database for a while: what is measured in it leaves no trace in any other.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::database::{Database, PoolError};
use crate::error::DbError;
use crate::migrations::{self, MigrateError};
use crate::settings::DatabaseSettings;

/// Why there is no database for a while.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// `DATABASE_URL` cannot be used.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The role may not create databases, for one.
    #[error("cannot create or drop a database of our own: {0}")]
    Server(#[from] DbError),
    /// Its schema cannot be made.
    #[error("cannot migrate a database of our own: {0}")]
    Migrate(#[from] MigrateError),
}

/// A migrated database on the server of another one.
pub struct Scratch {
    /// How to reach it.
    pub settings: DatabaseSettings,
    /// A pool on it.
    pub database: Database,
    name: String,
    home: Database,
}

impl Scratch {
    /// Creates and migrates one on the server that `home` names. Its role must have `CREATEDB`.
    ///
    /// # Errors
    ///
    /// Where that cannot be done.
    pub async fn create(home: &DatabaseSettings) -> Result<Self, ScratchError> {
        let name = format!("tidings_bench_{}", Uuid::new_v4().simple());
        let url = with_database(home.url.expose_secret(), &name);
        let settings = DatabaseSettings {
            url: SecretString::from(url),
            ..home.clone()
        };
        let home = Database::new(home, "tidings-bench")?;
        execute(&home, &format!("CREATE DATABASE {name}")).await?;
        let scratch = Self {
            database: Database::new(&settings, "tidings-bench")?,
            settings,
            name,
            home,
        };
        match migrations::run(&scratch.database).await {
            Ok(_) => Ok(scratch),
            Err(error) => {
                scratch.discard().await?;
                Err(error.into())
            }
        }
    }

    /// Drops it, with whoever is still connected to it.
    ///
    /// # Errors
    ///
    /// Where the server is away.
    pub async fn discard(self) -> Result<(), ScratchError> {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        Ok(execute(&self.home, &drop).await?)
    }
}

async fn execute(database: &Database, statement: &str) -> Result<(), DbError> {
    let client = database.dedicated_client().await?;
    // A database with millions of rows takes its time to be dropped.
    client.batch_execute("SET statement_timeout = 0").await?;
    // Dropped, not kept: the connection's settings are no longer those of the pool.
    client.batch_execute(statement).await?;
    Ok(())
}

/// `url`, naming another database.
fn with_database(url: &str, name: &str) -> String {
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
    use super::with_database;

    #[test]
    fn the_url_of_another_database_differs_in_its_name_alone() {
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
            assert_eq!(with_database(url, "other"), expected);
        }
    }
}
