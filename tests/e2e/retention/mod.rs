//! Retention: what is erased and deleted, when, and what is kept.

mod accounts;
mod concurrency;
mod dead_letters;
mod sweep;

use serde_json::Value;
use tidings_db::retention::RetentionSettings;
use tidings_domain::notification::{MessageId, UserId};
use tidings_settings::Reader;
use tidings_tests::{TestDatabase, World};
use uuid::Uuid;

/// Runs the tool and returns its exit code and JSON.
pub(crate) fn tidings(world: &World, arguments: &[&str]) -> (Option<i32>, Value) {
    tidings_with(world, &[], arguments)
}

/// Like [`tidings`], with more settings.
pub(crate) fn tidings_with(
    world: &World,
    more: &[(&str, &str)],
    arguments: &[&str],
) -> (Option<i32>, Value) {
    let output = world.tidings_with(more, &[&["--json"], arguments].concat());
    let json = serde_json::from_slice(&output.stdout);
    let json = json.unwrap_or_else(|_| panic!("JSON: {output:?}"));
    (output.status.code(), json)
}

/// Runs a statement.
pub(crate) async fn execute(db: &TestDatabase, sql: &str) {
    let done = db
        .pool
        .run(async |client| Ok(client.batch_execute(sql).await?))
        .await;
    done.expect("executed");
}

/// The settings of retention, read from `vars`.
fn settings(vars: &[(&str, &str)]) -> RetentionSettings {
    let vars = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    RetentionSettings::read(&mut Reader::from_vars(vars))
}

/// Inserts `count` e-mails with `status` that were accepted `days` ago, and ended at once if this is an end.
async fn insert(db: &TestDatabase, user: UserId, status: &str, days: u32, count: u32) {
    let sql = format!(
        "INSERT INTO notifications (id, user_id, type, payload, status, message_id, created_at, processed_at)
         SELECT {ROW_ID}, '{user}', 'email', '{{\"text\": \"hello\"}}', '{status}', gen_random_uuid(), time,
                CASE '{status}' WHEN 'processed' THEN time END
         FROM generate_series(1, {count}) AS n,
              LATERAL (SELECT now() - make_interval(days => {days}, secs => 60 + {count} - n) AS time) AS times;
         UPDATE notifications
         SET ended_at = CASE WHEN ended_at IS NOT NULL AND status <> 'processed' THEN created_at END
         WHERE created_at < now() - interval '{days} days'"
    );
    execute(db, &sql).await;
}

/// The SQL of a UUIDv7 of `time`, like the ids of the intake.
const ROW_ID: &str = "(lpad(to_hex((extract(epoch FROM time) * 1000)::bigint), 12, '0') || '7000'
                       || '8' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 15))::uuid";

/// Inserts one e-mail, and returns its message id.
async fn insert_one(db: &TestDatabase, user: UserId, status: &str, days: u32) -> MessageId {
    let before: Vec<Uuid> = db.message_ids().await;
    insert(db, user, status, days, 1).await;
    let after = db.message_ids().await;
    let new = after.into_iter().find(|id| !before.contains(id));
    new.expect("a new row").into()
}

/// The whole table as a text.
async fn contents(db: &TestDatabase) -> String {
    let sql =
        "SELECT coalesce(string_agg(n::text, E'\\n' ORDER BY id), '') FROM notifications AS n";
    let row = db
        .pool
        .run(async |client| Ok(client.query_one(sql, &[]).await?))
        .await;
    row.expect("the table").get(0)
}
