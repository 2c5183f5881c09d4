//! What a database must have before it can be used. Asked once at the start of a program and by `tidings doctor`.

use crate::database::Database;
use crate::error::DbError;
use crate::session::Pooler;

/// A reason why the database cannot be used, with its remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreconditionError {
    /// Texts cannot be stored in another encoding.
    #[error(
        "the database {database:?} has the encoding {encoding}, but texts need UTF8; create another database with \
         `CREATE DATABASE \"{database}_utf8\" TEMPLATE template0 ENCODING 'UTF8'` and set DATABASE_URL to it"
    )]
    Encoding {
        /// The name of the database.
        database: String,
        /// The encoding, for example `SQL_ASCII`.
        encoding: String,
    },
    /// There is no schema in which tables could be found or created.
    #[error(
        "the search_path of the role, {0:?}, names no schema that exists; set DATABASE_SCHEMA to the schema of the tables, \
         for example public"
    )]
    NoSchema(String),
    /// The tables are in a schema that is not in the `search_path`.
    #[error(
        "the tables of Tidings are in the schema {schema:?}, which is not in the search_path {search_path:?}; set \
         DATABASE_SCHEMA to {schema}"
    )]
    OtherSchema {
        /// The schema of the tables.
        schema: String,
        /// The `search_path` of the role.
        search_path: String,
    },
    /// Sessions lose their settings and prepared statements.
    #[error(
        "the connections go through a pooler in transaction mode; set DATABASE_POOLER to transaction, or set pool_mode to \
         session in the pooler"
    )]
    TransactionPooler,
}

/// Returns why the database cannot be used.
///
/// # Errors
///
/// Returns an error if the database cannot be asked.
pub async fn preconditions(database: &Database) -> Result<Vec<PreconditionError>, DbError> {
    if database.pooler() == Pooler::None && is_behind_transaction_pooler(database).await? {
        // Other statements may fail.
        return Ok(vec![PreconditionError::TransactionPooler]);
    }
    let encoding = database.run(async |client| encoding(client).await).await?;
    let schema = database.run(async |client| schema(client).await).await?;
    Ok(encoding.into_iter().chain(schema).collect())
}

async fn encoding(client: &crate::Client) -> Result<Option<PreconditionError>, DbError> {
    let row = client
        .query_one(
            "SELECT current_database()::text, pg_encoding_to_char(encoding)::text
             FROM pg_database WHERE datname = current_database()",
            &[],
        )
        .await?;
    let encoding: String = row.get(1);
    Ok((encoding != "UTF8").then(|| PreconditionError::Encoding {
        database: row.get(0),
        encoding,
    }))
}

async fn schema(client: &crate::Client) -> Result<Option<PreconditionError>, DbError> {
    let row = client
        .query_one(
            "SELECT current_setting('search_path'), current_schema()::text,
                    to_regclass('refinery_schema_history') IS NOT NULL,
                    (SELECT min(schemaname)::text FROM pg_tables WHERE tablename = 'refinery_schema_history')",
            &[],
        )
        .await?;
    let (search_path, current, visible) = (
        row.get::<_, String>(0),
        row.get::<_, Option<String>>(1),
        row.get::<_, bool>(2),
    );
    let elsewhere: Option<String> = row.get(3);
    Ok(match (visible, elsewhere, current) {
        (true, ..) | (false, None, Some(_)) => None,
        (false, Some(schema), _) => Some(PreconditionError::OtherSchema {
            schema,
            search_path,
        }),
        (false, None, None) => Some(PreconditionError::NoSchema(search_path)),
    })
}

/// Whether two connections that are open at the same time are one connection of the server.
///
/// A pooler in transaction mode gives both the server connection that became free last. By a simple query, because a
/// prepared statement might fail.
async fn is_behind_transaction_pooler(database: &Database) -> Result<bool, DbError> {
    let (first, second) = (
        database.separate_client().await?,
        database.separate_client().await?,
    );
    let pids = [
        backend_pid(&first).await?,
        backend_pid(&second).await?,
        backend_pid(&first).await?,
    ];
    Ok(pids[0] == pids[1] || pids[0] != pids[2])
}

async fn backend_pid(client: &tokio_postgres::Client) -> Result<Option<String>, DbError> {
    let messages = client.simple_query("SELECT pg_backend_pid()").await?;
    Ok(messages.into_iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}
