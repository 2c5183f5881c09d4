//! `tidings retention show`.

use anyhow::Context;
use serde_json::json;
use tidings_db::retention::{self, RetentionSettings};
use tidings_db::{Database, DatabaseSettings};
use tidings_domain::count;

use crate::output::{CommandOutput, Text};
use crate::settings;

/// Shows how much is kept, and what the last sweep has done.
pub async fn run() -> anyhow::Result<CommandOutput> {
    let (database, kept) = settings::read(|reader| {
        let database = DatabaseSettings::read(reader);
        Some((database?, RetentionSettings::read(reader)))
    })?;
    let database = Database::new(&database, "tidings retention")?;
    let figures = database
        .run(async |client| retention::figures(client).await)
        .await
        .context("cannot read how much is kept")?;
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let days = |kept: std::time::Duration| kept.as_secs() / 86_400;
    let limit = |kept: Option<std::time::Duration>| {
        kept.map_or_else(
            || "for ever".to_owned(),
            |kept| format!("{} days", days(kept)),
        )
    };
    let mut text = Text::default();
    text.line(format_args!(
        "About {} ({} MiB)",
        count(number(figures.rows), "notification"),
        figures.bytes >> 20
    ));
    if let Some(oldest) = figures.oldest {
        text.line(format_args!("The oldest was accepted at {oldest:.0}"));
    }
    text.line(format_args!(
        "Kept: payloads {} days, rows {}, dead letters {}",
        days(kept.payloads),
        limit(kept.rows),
        limit(kept.dead_letters)
    ));
    match figures.last_sweep {
        Some(at) => text.line(format_args!(
            "The last sweep ended at {at:.0}: {} erased, {} deleted, {} removed",
            count(number(figures.payloads_removed), "payload"),
            count(number(figures.rows_deleted), "row"),
            count(number(figures.dead_letters_removed), "dead letter")
        )),
        None => text.line("Retention has never swept."),
    }
    CommandOutput::new(
        text,
        json!({
            "rows": figures.rows,
            "bytes": figures.bytes,
            "oldest": figures.oldest,
            "lastSweep": figures.last_sweep,
            "payloadsRemoved": figures.payloads_removed,
            "rowsDeleted": figures.rows_deleted,
            "deadLettersRemoved": figures.dead_letters_removed,
        }),
    )
}
