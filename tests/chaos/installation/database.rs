use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;
use futures_util::StreamExt;
use jiff::Timestamp;
use reqwest::Url;
use serde_json::Value;
use tidings_broker::Failure;
use tidings_db::audit::{ActorKind, AuditOrigin};
use tidings_db::{DatabaseSettings, SecretKeys, demo, migrations};
use tidings_settings::Reader;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, NoTls};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::lease_watch::LeaseWatch;
use super::users::{self, Users};
use crate::guests;
use crate::ledger::Fingerprint;
use crate::timing::wait;
use crate::verify::{Attempt, Row};

/// The application name of this program's connections.
const NAME: &str = "tidings-chaos";

/// The time of the transaction that writes the row of an attempt, by which it has decided to send. Only runs of this program
/// have this column, so that they can judge decisions however long they take to write.
const ADD_DECISION_TIME: &str =
    "ALTER TABLE delivery_attempts ADD COLUMN decided_at timestamptz NOT NULL DEFAULT now()";

/// How many copies of an e-mail, text message or push message may arrive: the default of `UNKNOWN_MAX`, and 1.
const MAX_COPIES: u32 = 3;

/// How many copies of a webhook may arrive: the default of `WEBHOOK_MAX_RETRIES`, and 1.
const MAX_WEBHOOKS: u32 = 9;

/// Time between two terminations of connections while the server is exhausted.
const TERMINATE_INTERVAL: Duration = Duration::from_millis(250);

/// The database of the run, accessed without proxies.
pub struct ChaosDatabase {
    url: Url,
}

/// A connection of this program.
pub(super) struct DatabaseConnection {
    pub(super) client: Client,
    _driving: AbortOnDropHandle<()>,
}

impl ChaosDatabase {
    pub const fn at(url: Url) -> Self {
        Self { url }
    }

    /// Creates the schema and the users, `readers` of them with an inbox that is read.
    pub async fn prepare(&self, readers: u32) -> anyhow::Result<Users> {
        let vars = [
            ("DATABASE_URL", self.url.as_str()),
            ("APP_ENV", "development"),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut reader = Reader::from_vars(vars);
        let settings = DatabaseSettings::read(&mut reader);
        // No key: no webhook of the run is signed with the secret of the demo endpoint.
        let keys = SecretKeys::read(&mut reader);
        let settings = reader
            .finish(settings)
            .map_err(|problems| anyhow::anyhow!("{problems}"))?;
        let pool = tidings_db::Database::new(&settings, NAME)?;
        migrations::run(&pool).await.context("migrations")?;
        let connection = self.connect().await?;
        let added = connection.client.batch_execute(ADD_DECISION_TIME).await;
        added.context("the column of the run")?;
        let origin = AuditOrigin::new(ActorKind::System, "chaos");
        demo::seed(&pool, &keys, &origin)
            .await
            .context("demo users")?;
        users::create(&connection.client, readers).await
    }

    async fn connect(&self) -> Result<DatabaseConnection, tokio_postgres::Error> {
        let mut config: Config = self.url.as_str().parse()?;
        config.application_name(NAME);
        let (client, connection) = config.connect(NoTls).await?;
        let driving = tokio::spawn(async move {
            // The client reports the error.
            let _ = connection.await;
        });
        Ok(DatabaseConnection {
            client,
            _driving: AbortOnDropHandle::new(driving),
        })
    }

    /// Returns the time that PostgreSQL's clock shows.
    pub async fn clock(&self) -> anyhow::Result<Timestamp> {
        let connection = self.connect().await?;
        let now = connection.client.query_one("SELECT clock_timestamp()", &[]);
        Ok(now.await?.get(0))
    }

    /// Opens a connection to look at leases.
    pub async fn watch_leases(&self) -> anyhow::Result<LeaseWatch> {
        Ok(LeaseWatch(self.connect().await?))
    }

    /// Returns the number of notifications that have neither ended nor failed with an unknown outcome.
    pub async fn unsettled(&self) -> anyhow::Result<i64> {
        let connection = self.connect().await?;
        let sql = "SELECT count(*) FROM notifications WHERE status NOT IN ('processed', 'cancelled', 'expired', 'suppressed')
                   AND NOT (status = 'failed' AND coalesce(starts_with(error_message, $1), false))";
        let unknown = format!("{}:", Failure::OUTCOME_UNKNOWN);
        Ok(connection.client.query_one(sql, &[&unknown]).await?.get(0))
    }

    /// Returns how many notifications the inbox of each of these users shows as unread.
    pub async fn unread(&self, users: &[Uuid]) -> anyhow::Result<HashMap<Uuid, u32>> {
        let connection = self.connect().await?;
        let sql = "SELECT users.id,
                          (SELECT count(*) FROM notifications
                           WHERE user_id = users.id AND type = 'in-app' AND status = 'processed' AND read_at IS NULL
                                 AND coalesce(expires_at > now(), true))
                   FROM unnest($1::uuid[]) AS users (id)";
        let rows = connection.client.query(sql, &[&users]).await?;
        let counted = rows.iter().map(|row| {
            let unread: i64 = row.get(1);
            Ok((row.get(0), u32::try_from(unread)?))
        });
        counted.collect()
    }

    /// Passes every row to `take`.
    pub async fn rows(&self, mut take: impl FnMut(&Row)) -> anyhow::Result<()> {
        let connection = self.connect().await?;
        let sql = "SELECT message_id, user_id, type, payload::text, status,
                          status = 'failed' AND coalesce(starts_with(error_message, $1), false),
                          expires_at, group_key, processed_at,
                          EXISTS (SELECT FROM delivery_attempts AS attempt
                                  WHERE attempt.message_id = notifications.message_id
                                        AND outcome IN ('sending', 'unknown', 'delivered')),
                          category, reason, ended_at, read_at IS NOT NULL,
                          decided, written
                   FROM notifications CROSS JOIN LATERAL (
                            SELECT array_agg(decided_at ORDER BY id) AS decided, array_agg(started_at ORDER BY id) AS written
                            FROM delivery_attempts AS attempt
                            WHERE attempt.message_id = notifications.message_id
                                  AND outcome NOT IN ('not_sent', 'deferred')) AS attempts";
        let unknown = format!("{}:", Failure::OUTCOME_UNKNOWN);
        let rows = connection.client.query_raw(sql, [unknown]).await?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.next().await {
            take(&read(&row?)?);
        }
        Ok(())
    }

    /// Terminates the connections of all other programs.
    pub async fn terminate_connections(&self) -> anyhow::Result<()> {
        Ok(terminate_others(&self.connect().await?).await?)
    }

    /// Occupies every connection of the server, including the superuser's reserve and those of the programs,
    /// until `over` ends.
    pub async fn exhaust_connections(&self, over: impl Future<Output = ()>) -> anyhow::Result<()> {
        let own = self.connect().await?;
        let taking = async {
            let mut held = Vec::new();
            loop {
                while let Some(slot) = self.take_slot().await? {
                    held.push(slot);
                }
                // Programs reconnect; the next rounds occupy the remaining slots.
                terminate_others(&own).await?;
                wait(TERMINATE_INTERVAL).await;
            }
        };
        tokio::select! {
            () = over => Ok(()),
            ended = taking => ended,
        }
    }

    /// Occupies a connection slot without logging in, which is quick: the server assigns the slot before it
    /// asks for the password, and waits for a minute (`authentication_timeout`). Returns `None` if no slot is
    /// free.
    async fn take_slot(&self) -> anyhow::Result<Option<TcpStream>> {
        let host = self.url.host_str().context("a host")?;
        let port = self.url.port().context("a port")?;
        let mut stream = TcpStream::connect((host, port)).await?;
        stream.write_all(&startup(self.url.username())).await?;
        let answered = timeout(Duration::from_secs(5), stream.read_u8()).await;
        let asked = matches!(answered, Ok(Ok(b'R')));
        Ok(asked.then_some(stream))
    }
}

/// Encodes the first message of a connection (PostgreSQL documentation, "Message Formats", `StartupMessage`).
fn startup(user: &str) -> Vec<u8> {
    const VERSION: [u8; 4] = [0, 3, 0, 0];
    let parameters = format!("user\0{user}\0database\0{user}\0\0");
    let length = u32::try_from(8 + parameters.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), &VERSION, parameters.as_bytes()].concat()
}

async fn terminate_others(connection: &DatabaseConnection) -> Result<(), tokio_postgres::Error> {
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name <> $1";
    connection.client.execute(sql, &[&NAME]).await.map(drop)
}

fn read(row: &tokio_postgres::Row) -> anyhow::Result<Row> {
    let channel: &str = row.get(2);
    let payload: Value = serde_json::from_str(row.get(3))?;
    let user: Option<Uuid> = row.get(1);
    let address = payload["to"].as_str().filter(|_| user.is_none());
    let times = |column| {
        row.get::<_, Option<Vec<Timestamp>>>(column)
            .unwrap_or_default()
    };
    let attempts = times(14).into_iter().zip(times(15));
    let attempts = attempts.map(|(decided, written)| Attempt { decided, written });
    Ok(Row {
        id: row.get(0),
        guest: address.map(guests::key),
        body: Fingerprint::of(user, channel, &payload),
        status: row.get(4),
        has_provider: channel != "in-app",
        outcome_unknown: row.get(5),
        max_copies: match channel {
            "webhook" => MAX_WEBHOOKS,
            _ => MAX_COPIES,
        },
        expires_at: row.get(6),
        group: row.get(7),
        processed_at: row.get(8),
        maybe_sent: row.get(9),
        user,
        channel: channel.to_owned(),
        category: row.get(10),
        reason: row.get(11),
        ended_at: row.get(12),
        is_read: row.get(13),
        attempts: attempts.collect(),
    })
}
