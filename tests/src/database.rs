use reqwest::Url;
use tidings_db::users::NewUser;
use tidings_db::{Database, DatabaseSettings, users};
use tidings_domain::notification::UserId;
use tidings_settings::Reader;
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::cleanup::run_in_drop;
use crate::servers::ServerUrls;
use crate::template::template;

/// A database of the test's own, deleted when this is dropped.
pub struct TestDatabase {
    /// A connection pool.
    pub pool: Database,
    url: Url,
    /// The database to delete. `None` for the shared one.
    own: Option<OwnDatabase>,
}

struct OwnDatabase {
    name: String,
    /// A URL of another database on the same server.
    admin: Url,
}

impl TestDatabase {
    /// Creates a database without tables.
    pub async fn empty(servers: &ServerUrls) -> Self {
        Self::create(servers, "template1").await
    }

    /// Creates a database with the current schema.
    pub async fn migrated(servers: &ServerUrls) -> Self {
        let template = template(&servers.database).await;
        let template =
            template.unwrap_or_else(|error| panic_unreachable(&servers.database, &error));
        Self::create(servers, &template).await
    }

    /// Creates a database without tables whose texts follow the rules of a language, for example `tr-TR`.
    pub async fn with_locale(servers: &ServerUrls, locale: &str) -> Self {
        let options = format!(
            "template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER icu ICU_LOCALE '{locale}'"
        );
        Self::create(servers, &options).await
    }

    /// `template` can be followed by options of `CREATE DATABASE`.
    async fn create(servers: &ServerUrls, template: &str) -> Self {
        let admin = servers.database.clone();
        let name = format!("tidings_test_{}", Uuid::new_v4().simple());
        let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
        execute(&admin, &create)
            .await
            .unwrap_or_else(|error| panic_unreachable(&admin, &error));
        let mut url = admin.clone();
        url.set_path(&name);
        Self {
            pool: pool(url.as_str()),
            url,
            own: Some(OwnDatabase { name, admin }),
        }
    }

    /// The database of the shared installation, which is not deleted.
    pub(crate) fn shared(url: &str) -> Self {
        Self {
            pool: pool(url),
            url: url.parse().expect("a URL"),
            own: None,
        }
    }

    /// Returns the `DATABASE_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Creates a user.
    pub async fn user(&self) -> UserId {
        let id = UserId::from(Uuid::now_v7());
        self.make_user(id).await;
        id
    }

    /// Creates the user `id`.
    pub async fn make_user(&self, id: UserId) {
        let username = format!("user-{id}");
        let user = NewUser {
            id,
            username: &username,
            email: None,
        };
        let made = self
            .pool
            .run(async |client| users::insert(client, user).await)
            .await;
        assert!(made.expect("a user"));
    }

    /// Returns the number of notifications that satisfy `condition`, a piece of SQL.
    pub async fn count(&self, condition: &str) -> i64 {
        self.try_count(condition).await.expect("a count")
    }

    /// Like [`TestDatabase::count`], but the server may be down.
    ///
    /// # Errors
    ///
    /// Returns the error of the query.
    pub async fn try_count(&self, condition: &str) -> Result<i64, tidings_db::DbError> {
        let sql = format!("SELECT count(*) FROM notifications WHERE {condition}");
        self.pool
            .run(async |client| Ok(client.query_one(&sql, &[]).await?.get(0)))
            .await
    }

    /// Returns the number of connections that satisfy `condition`, a piece of SQL about `pg_stat_activity`.
    pub async fn connections(&self, condition: &str) -> i64 {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {condition}"
        );
        let count = self
            .pool
            .run(async |client| Ok(client.query_one(&sql, &[]).await?.get(0)));
        count.await.expect("a count")
    }

    /// Returns the message ids of all notifications, in order.
    pub async fn message_ids(&self) -> Vec<Uuid> {
        self.message_ids_where("true").await
    }

    /// Returns the message ids of the notifications that satisfy `condition`, a piece of SQL, in order.
    pub async fn message_ids_where(&self, condition: &str) -> Vec<Uuid> {
        let ids = self.try_message_ids_where(condition).await;
        ids.expect("message ids")
    }

    /// Like [`TestDatabase::message_ids_where`], but the server may be down.
    ///
    /// # Errors
    ///
    /// Returns the error of the query.
    pub async fn try_message_ids_where(
        &self,
        condition: &str,
    ) -> Result<Vec<Uuid>, tidings_db::DbError> {
        let sql =
            format!("SELECT message_id FROM notifications WHERE {condition} ORDER BY message_id");
        let rows = self
            .pool
            .run(async |client| Ok(client.query(&sql, &[]).await?))
            .await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some(OwnDatabase { name, admin }) = self.own.take() else {
            return;
        };
        run_in_drop(format!("database {name}"), async move {
            execute(
                &admin,
                &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            )
            .await
        });
    }
}

fn panic_unreachable(server: &Url, error: &tokio_postgres::Error) -> ! {
    panic!("PostgreSQL at {server}: {error:?}; run ./dev test")
}

/// How long a statement of a test may take, in milliseconds. The programs' limit is for statements of a few rows on a server
/// that has processors to spare; a test inserts tens of thousands while others keep the machine busy.
const STATEMENT_TIMEOUT_MS: &str = "120000";

/// Creates a pool with the programs' default settings, except for the time that a statement may take.
pub(crate) fn pool(url: &str) -> Database {
    let mut reader = Reader::from_vars([
        ("DATABASE_URL".to_owned(), url.to_owned()),
        (
            "DATABASE_STATEMENT_TIMEOUT_MS".to_owned(),
            STATEMENT_TIMEOUT_MS.to_owned(),
        ),
    ]);
    let settings = DatabaseSettings::read(&mut reader);
    let settings = reader.finish(settings).expect("database settings");
    Database::new(&settings, "tidings-tests").expect("a pool")
}

/// Runs a statement on a new connection, outside a transaction.
pub(crate) async fn execute(url: &Url, sql: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url.as_str(), NoTls).await?;
    let driving = tokio::spawn(connection);
    let done = client.batch_execute(sql).await;
    driving.abort();
    done
}
