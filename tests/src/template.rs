use reqwest::Url;
use tidings_db::migrations;
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::database::{execute, pool};

/// Any number that no other program takes for `pg_advisory_lock`.
const LOCK: i64 = 0x0074_656d_706c_6174;

/// The name of a database with today's schema that others can be copied from, which is quicker than to
/// migrate each. Made by the first test that wants it; the others, each a process of its own, wait.
pub(crate) async fn template(admin: &Url) -> Result<String, tokio_postgres::Error> {
    let name = format!("tidings_template_{:016x}", migrations::fingerprint());
    let (client, connection) = tokio_postgres::connect(admin.as_str(), NoTls).await?;
    let driving = tokio::spawn(connection);
    // Given back when the connection ends.
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

/// Makes it under another name first, so that one with its own is always whole.
async fn make(admin: &Url, name: &str) -> Result<(), tokio_postgres::Error> {
    let draft = format!("tidings_draft_{}", Uuid::new_v4().simple());
    execute(admin, &format!("CREATE DATABASE {draft}")).await?;
    let mut url = admin.clone();
    url.set_path(&draft);
    migrations::run(&pool(url.as_str()))
        .await
        .expect("migrations");
    // The pool's connections may be closing still, and a database in use cannot be renamed.
    let free =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{draft}'");
    execute(admin, &free).await?;
    execute(admin, &format!("ALTER DATABASE {draft} RENAME TO {name}")).await
}
