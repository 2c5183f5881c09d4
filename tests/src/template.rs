use reqwest::Url;
use tidings_db::migrations;
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::database::{execute, pool};

/// The key of the advisory lock. Any number that no other program uses.
const LOCK: i64 = 0x0074_656d_706c_6174;

/// Returns the name of a template database with the current schema: copying it is quicker than migrating each
/// database. The first test creates the template while the others, each its own process, wait.
pub(crate) async fn template(admin: &Url) -> Result<String, tokio_postgres::Error> {
    let name = format!("tidings_template_{:016x}", migrations::fingerprint());
    let (client, connection) = tokio_postgres::connect(admin.as_str(), NoTls).await?;
    let driving = tokio::spawn(connection);
    // Released when the connection ends.
    client
        .execute("SELECT pg_advisory_lock($1)", &[&LOCK])
        .await?;
    let there = client
        .query_opt("SELECT FROM pg_database WHERE datname = $1", &[&name])
        .await?;
    if there.is_none() {
        make(admin, &name).await?;
    }
    driving.abort();
    Ok(name)
}

/// Creates the template under another name first, so that a template with the final name is complete.
async fn make(admin: &Url, name: &str) -> Result<(), tokio_postgres::Error> {
    let draft = format!("tidings_draft_{}", Uuid::new_v4().simple());
    execute(admin, &format!("CREATE DATABASE {draft}")).await?;
    let mut url = admin.clone();
    url.set_path(&draft);
    migrations::run(&pool(url.as_str()))
        .await
        .expect("migrations");
    // The pool's connections may still be open, and a database in use cannot be renamed.
    let free =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{draft}'");
    execute(admin, &free).await?;
    execute(admin, &format!("ALTER DATABASE {draft} RENAME TO {name}")).await
}
