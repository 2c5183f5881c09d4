//! Databases that are not set up as expected: other defaults of sessions, another encoding, a pooler in between.

use futures_util::{StreamExt, stream};
use tidings_db::{Database, DatabaseSettings, Pooler};
use tidings_settings::Reader;
use tidings_tests::{PgBouncer, ProgramKind, ServerUrls, TestDatabase, World, eventually, secs};

use crate::doctor::{commands, finding, report, severity};

/// Opens a pool with the settings of programs.
fn pool(url: &str) -> Database {
    let vars = [("DATABASE_URL".to_owned(), url.to_owned())];
    let mut reader = Reader::from_vars(vars);
    let settings = DatabaseSettings::read(&mut reader);
    let settings = reader.finish(settings).expect("settings");
    assert_eq!(settings.pooler, Pooler::None);
    Database::new(&settings, "tidings-tests").expect("a pool")
}

/// Executes a statement on a connection of its own.
async fn execute(url: &str, statement: &str) {
    let database = pool(url);
    let executed = database
        .run(async |client| Ok(client.batch_execute(statement).await?))
        .await;
    executed.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

fn name(world: &World) -> String {
    let (_, name) = world.database.url().rsplit_once('/').expect("a name");
    name.to_owned()
}

/// Posts `count` notifications, reads each by 12 clients at once, and waits until all are processed.
async fn post_and_read(world: &World, api: &tidings_tests::Program, count: usize) {
    let client = api.client();
    let posting = stream::iter(0..count).map(|_| async {
        let id = client.post(&world.in_app()).await.accepted();
        let before = world.database.count("status = 'processed'").await;
        (id, before)
    });
    let posted: Vec<_> = posting.buffer_unordered(12).collect().await;
    let all = i64::try_from(count).expect("few");
    eventually(secs(60), "all are processed", async || {
        world.database.count("status = 'processed'").await == all
    })
    .await;
    let reading = stream::iter(posted).map(|(id, _)| {
        let client = client.clone();
        async move {
            let answer = client.get(&format!("/api/notifications/{id}")).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    });
    reading.buffer_unordered(12).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn defaults_of_the_database_do_not_reach_the_sessions() {
    let world = World::new().await;
    let database = name(&world);
    let defaults = [
        (
            "default_transaction_isolation",
            "serializable",
            "read committed",
        ),
        ("timezone", "Asia/Kolkata", "UTC"),
        ("datestyle", "SQL, DMY", "ISO, MDY"),
        ("intervalstyle", "sql_standard", "postgres"),
        ("extra_float_digits", "-15", "1"),
        ("bytea_output", "escape", "hex"),
        ("statement_timeout", "1h", "10s"),
        ("lock_timeout", "1ms", "0"),
        ("idle_session_timeout", "3s", "0"),
        ("synchronous_commit", "off", "on"),
        ("transform_null_equals", "on", "off"),
        ("plan_cache_mode", "force_custom_plan", "auto"),
    ];
    for (name, value, _) in defaults {
        let value = if name == "datestyle" {
            value.to_owned()
        } else {
            format!("'{value}'")
        };
        let statement = format!("ALTER DATABASE {database} SET {name} = {value}");
        execute(world.database.url(), &statement).await;
    }
    let fresh = pool(world.database.url());
    for (name, _, expected) in defaults {
        let show = format!("SHOW {name}");
        let value: String = fresh
            .run(async |client| Ok(client.query_one(&show, &[]).await?.get(0)))
            .await
            .expect("a value");
        assert_eq!(value, expected, "{name}");
    }
    let (api, worker) = tokio::join!(world.api(), world.worker());
    post_and_read(&world, &api, 200).await;
    drop((api, worker));
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused_and_the_remedy_works() {
    let world = World::new().await;
    let (ascii, utf8) = (
        format!("{}_ascii", name(&world)),
        format!("{}_ascii_utf8", name(&world)),
    );
    let url = world.database.url();
    let create = format!(
        "CREATE DATABASE {ascii} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
    );
    execute(url, &create).await;
    let ascii_url = url.replace(&name(&world), &ascii);
    let refused = world.tidings_with(&[("DATABASE_URL", &ascii_url)], &["migrate"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("SQL_ASCII"));

    let found = report(&world, &[("DATABASE_URL", &ascii_url)]);
    assert_eq!(severity(&found, "database"), "error");
    for statement in commands(finding(&found, "database")) {
        execute(url, &statement).await;
    }
    let utf8_url = url.replace(&name(&world), &utf8);
    let migrated = world.tidings_with(&[("DATABASE_URL", &utf8_url)], &["migrate"]);
    assert!(migrated.status.success(), "{migrated:?}");
    for database in [ascii, utf8] {
        execute(url, &format!("DROP DATABASE {database} WITH (FORCE)")).await;
    }
}

#[tokio::test]
async fn tables_outside_the_search_path_are_found_and_the_remedy_works() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let database = name(&world);
    let statement = format!("ALTER DATABASE {database} SET search_path = elsewhere");
    execute(world.database.url(), &statement).await;
    let found = report(&world, &[]);
    let finding = finding(&found, "database");
    let remedy = finding["remedy"].as_str().expect("a remedy");
    assert_eq!(remedy, "set DATABASE_SCHEMA to public");
    let mended = report(&world, &[("DATABASE_SCHEMA", "public")]);
    assert_eq!(mended["errors"], 0, "{mended}");
    let worker = world
        .start(ProgramKind::Worker, &[("DATABASE_SCHEMA", "public")])
        .await;
    drop(worker);
}

/// Few server connections, so that each client gets another one for each transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_work_through_a_pooler_in_transaction_mode() {
    let servers = ServerUrls::shared();
    let bouncer = PgBouncer::start(&servers.database, "transaction", 3).await;
    let world = World::new().await;
    let url = bouncer.url(world.database.url());
    let pooled = [
        ("DATABASE_URL", url.as_str()),
        ("DATABASE_POOLER", "transaction"),
    ];
    let (api, worker) = tokio::join!(
        world.start(ProgramKind::Api, &pooled),
        world.start(ProgramKind::Worker, &pooled)
    );
    post_and_read(&world, &api, 300).await;
    drop((api, worker));

    let empty = TestDatabase::empty(&servers).await;
    let url = bouncer.url(empty.url());
    let pooled = [
        ("DATABASE_URL", url.as_str()),
        ("DATABASE_POOLER", "transaction"),
    ];
    for _ in 0..2 {
        let migrated = world.tidings_with(&pooled, &["migrate"]);
        assert!(migrated.status.success(), "{migrated:?}");
    }
}

#[tokio::test]
async fn a_pooler_in_transaction_mode_that_no_setting_names_is_found_and_the_remedy_works() {
    let servers = ServerUrls::shared();
    let bouncer = PgBouncer::start(&servers.database, "transaction", 3).await;
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let url = bouncer.url(world.database.url());
    let found = report(&world, &[("DATABASE_URL", &url)]);
    let remedy = finding(&found, "database")["remedy"]
        .as_str()
        .expect("a remedy");
    assert!(
        remedy.contains("set DATABASE_POOLER to transaction"),
        "{remedy}"
    );
    let mended = [
        ("DATABASE_URL", url.as_str()),
        ("DATABASE_POOLER", "transaction"),
    ];
    let report = report(&world, &mended);
    assert_eq!(report["errors"], 0, "{report}");
}

#[tokio::test]
async fn a_pooler_in_session_mode_needs_no_setting() {
    let servers = ServerUrls::shared();
    let bouncer = PgBouncer::start(&servers.database, "session", 20).await;
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let url = bouncer.url(world.database.url());
    let report = report(&world, &[("DATABASE_URL", &url)]);
    assert_eq!(report["errors"], 0, "{report}");
}
