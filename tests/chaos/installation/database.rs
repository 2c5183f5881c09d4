use anyhow::Context;
use futures_util::StreamExt;
use serde_json::Value;
use tidings_common::settings::Reader;
use tidings_db::{DatabaseSettings, demo, migrations};
use tokio_postgres::{Client, Config, NoTls};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::ledger::Fingerprint;
use crate::pause::wait;
use crate::verify::Row;

/// What our own connections call themselves.
const NAME: &str = "tidings-chaos";

/// PostgreSQL as its operator sees it, past all proxies.
pub struct Database {
    url: String,
}

/// Whom notifications are for.
#[derive(Clone, Debug)]
pub struct Users {
    /// Everybody.
    pub all: Vec<Uuid>,
    /// One with contacts for every channel.
    pub reachable: Uuid,
}

/// A connection of our own.
struct Connection {
    client: Client,
    _driving: AbortOnDropHandle<()>,
}

impl Database {
    pub const fn at(url: String) -> Self {
        Self { url }
    }

    /// Makes today's schema and the demo users, and tells who these are.
    pub async fn prepare(&self) -> anyhow::Result<Users> {
        let mut reader = Reader::from_vars([("DATABASE_URL".to_owned(), self.url.clone())]);
        let settings = DatabaseSettings::read(&mut reader);
        let settings = reader
            .finish(settings)
            .map_err(|problems| anyhow::anyhow!("{problems}"))?;
        let pool = tidings_db::Database::new(&settings, NAME)?;
        migrations::run(&pool).await.context("migrations")?;
        demo::seed(&pool).await.context("demo users")?;
        let connection = self.connect().await?;
        let client = &connection.client;
        let users = client.query("SELECT id FROM users", &[]).await?;
        let reachable = client
            .query_one("SELECT user_id FROM phone_numbers LIMIT 1", &[])
            .await?;
        Ok(Users {
            all: users.iter().map(|row| row.get(0)).collect(),
            reachable: reachable.get(0),
        })
    }

    async fn connect(&self) -> Result<Connection, tokio_postgres::Error> {
        let mut config: Config = self.url.parse()?;
        config.application_name(NAME);
        let (client, connection) = config.connect(NoTls).await?;
        let driving = tokio::spawn(async move {
            // How it ends is said to whoever uses it.
            let _ = connection.await;
        });
        Ok(Connection {
            client,
            _driving: AbortOnDropHandle::new(driving),
        })
    }

    /// How many notifications wait for their delivery.
    pub async fn unsettled(&self) -> anyhow::Result<i64> {
        let connection = self.connect().await?;
        let sql = "SELECT count(*) FROM notifications WHERE status <> 'processed'";
        Ok(connection.client.query_one(sql, &[]).await?.get(0))
    }

    /// Hands every row to `take`, one after the other.
    pub async fn rows(&self, mut take: impl FnMut(&Row)) -> anyhow::Result<()> {
        let connection = self.connect().await?;
        let sql = "SELECT message_id, user_id, type, payload::text, status FROM notifications";
        let none: [&str; 0] = [];
        let rows = connection.client.query_raw(sql, none).await?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.next().await {
            take(&read(&row?)?);
        }
        Ok(())
    }

    /// Terminates the connections of everybody else.
    pub async fn terminate_connections(&self) -> anyhow::Result<()> {
        Ok(terminate_others(&self.connect().await?).await?)
    }

    /// Takes every connection that the server has, the superuser's reserve included, and those that our
    /// programs had, until `over` ends.
    pub async fn exhaust_connections(&self, over: impl Future<Output = ()>) -> anyhow::Result<()> {
        let first = self.connect().await?;
        let taking = async {
            let mut held = Vec::new();
            while let Ok(connection) = self.connect().await {
                held.push(connection);
            }
            // Whoever comes back now finds that we were quicker, or next time.
            let terminated = terminate_others(&first).await;
            while terminated.is_ok() {
                match self.connect().await {
                    Ok(connection) => held.push(connection),
                    Err(_) => wait(std::time::Duration::from_millis(50)).await,
                }
            }
            terminated
        };
        tokio::select! {
            () = over => Ok(()),
            ended = taking => Ok(ended?),
        }
    }
}

async fn terminate_others(connection: &Connection) -> Result<(), tokio_postgres::Error> {
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name <> $1";
    connection.client.execute(sql, &[&NAME]).await.map(drop)
}

fn read(row: &tokio_postgres::Row) -> anyhow::Result<Row> {
    let channel: &str = row.get(2);
    let payload: Value = serde_json::from_str(row.get(3))?;
    Ok(Row {
        id: row.get(0),
        body: Fingerprint::of(row.get(1), channel, &payload),
        status: row.get(4),
        delivered_outside: channel != "in-app",
    })
}
