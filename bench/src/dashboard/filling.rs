//! The tables of an installation that has run for a while.

use jiff::Timestamp;
use tidings_db::dead_letters::bench::{History, insert_history, vacuum};
use tidings_db::{Database, statistics};

use crate::progress::bar;
use crate::test_users::TestUsers;

/// Rows of a statement that inserts them.
const CHUNK: u32 = 20_000;

/// Users who have the notifications.
const USERS: u32 = 10_000;

/// From the first notification to now.
const DAYS: u32 = 30;

/// Inserts `rows` notifications of the last days, a fifth of them dead letters, and the figures of the charts.
pub(super) async fn fill(database: &Database, rows: u32) -> anyhow::Result<()> {
    let users = TestUsers::create_many(database, USERS).await?;
    let history = History {
        users: users.ids(),
        until: Timestamp::now(),
        days: DAYS,
        rows,
    };
    let progress = bar(rows.into(), "filling the tables");
    for before in (0..rows).step_by(CHUNK as usize) {
        let last = before.saturating_add(CHUNK).min(rows);
        database
            .run(async |client| insert_history(client, history, before + 1, last).await)
            .await?;
        progress.set_position(last.into());
    }
    database
        .run(async |client| statistics::bench::insert_history(client).await)
        .await?;
    progress.finish_and_clear();
    let client = database.dedicated_client().await?;
    Ok(vacuum(&*client).await?)
}
