//! Migrations and demo data at the worker's start.

use tidings_db::{migrations, users};
use tidings_domain::notification::UserId;
use tidings_tests::{
    EnvVars, Program, ProgramKind, ServerUrls, TestDatabase, Vhost, eventually, secs,
};

struct Empty {
    database: TestDatabase,
    vhost: Vhost,
}

impl Empty {
    async fn new() -> Self {
        let servers = ServerUrls::shared();
        let (database, vhost) = tokio::join!(TestDatabase::empty(&servers), Vhost::new(&servers));
        Self { database, vhost }
    }

    fn settings(&self, more: &[(&str, &str)]) -> EnvVars {
        let mut settings = EnvVars::new();
        let own = [
            ("APP_ENV", "development"),
            ("DATABASE_URL", self.database.url()),
            ("RABBITMQ_URL", self.vhost.url()),
        ];
        for (name, value) in own.iter().chain(more) {
            settings.insert((*name).to_owned(), (*value).to_owned());
        }
        settings
    }

    async fn has_testuser(&self) -> bool {
        let client = self
            .database
            .pool
            .dedicated_client()
            .await
            .expect("a connection");
        let testuser: UserId = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a"
            .parse()
            .expect("a UUID");
        let found = users::existing(&*client, &[testuser]).await;
        found.expect("the query").contains(&testuser)
    }
}

#[tokio::test]
async fn concurrently_started_workers_migrate_and_seed_an_empty_database() {
    let empty = Empty::new().await;
    let settings = empty.settings(&[("SEED_DEMO_DATA", "true")]);
    let (one, two) = tokio::join!(
        Program::start(ProgramKind::Worker, settings.clone()),
        Program::start(ProgramKind::Worker, settings)
    );
    tokio::join!(one.until_ready(), two.until_ready());
    let pending = migrations::pending(&empty.database.pool).await;
    assert_eq!(pending.expect("pending ones"), [""; 0]);
    assert!(empty.has_testuser().await);
}

#[tokio::test]
async fn without_migrate_on_start_a_worker_waits_for_the_migrations() {
    let empty = Empty::new().await;
    let settings = empty.settings(&[("MIGRATE_ON_START", "false")]);
    let worker = Program::start(ProgramKind::Worker, settings).await;
    let health = worker.client().anonymous();
    eventually(secs(20), "it has seen its database", async || {
        health.get("/health").await.body["database"] == "connected"
    })
    .await;
    assert_eq!(health.get("/ready").await.status, 503);
    migrations::run(&empty.database.pool)
        .await
        .expect("migrations");
    worker.until_ready().await;
    assert!(!empty.has_testuser().await, "demo data is off by default");
}
