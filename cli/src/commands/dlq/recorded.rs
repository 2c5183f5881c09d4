//! `tidings dlq list`, `groups` and `show` with what PostgreSQL knows.

use anyhow::Context;
use serde_json::{Value, json};
use tidings_db::dead_letters::{
    self, DeadLetterFilter, DeadLetterGroup, DeadLetterKind, DeadLetterRow, MAX_COUNTED,
};
use tidings_db::{Database, DatabaseSettings};
use uuid::Uuid;

use super::summary::NO_CHANNEL;
use crate::output::{CommandOutput, Text, WrongUsage, printable, table};
use crate::paging::read_pages;
use crate::settings;

fn database() -> anyhow::Result<Database> {
    let settings = settings::read(DatabaseSettings::read)?;
    Ok(Database::new(&settings, "tidings dlq")?)
}

/// Lists those that failed last.
pub async fn list(filter: &DeadLetterFilter, limit: usize) -> anyhow::Result<CommandOutput> {
    let database = database()?;
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let read = async |after, rows| {
        let page =
            database.run(async |client| dead_letters::list(client, filter, after, rows).await);
        page.await.context("cannot read the dead letters")
    };
    let listed = read_pages(limit, read).await?;
    let head = [
        "ID", "CHANNEL", "PROVIDER", "REASON", "ATTEMPTS", "FAILED", "ERROR",
    ];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    lines.extend(listed.rows.iter().map(|row| {
        vec![
            row.id.to_string(),
            channel(row.channel.as_deref()),
            printable(row.provider.as_deref().unwrap_or("-")),
            printable(&row.reason),
            row.attempts.map(|n| n.to_string()).unwrap_or_default(),
            format!("{:.0}", row.failed_at),
            printable(row.error.as_deref().unwrap_or_default()),
        ]
    }));
    let json: Vec<Value> = listed.rows.iter().map(json_of).collect();
    let json = json!({"deadLetters": json, "hasMore": listed.has_more});
    let mut text = Text::from(table(&lines));
    if listed.has_more {
        text.line("There are more: use --limit.");
    }
    CommandOutput::new(text, json)
}

/// Counts them by reason, channel and provider.
pub async fn groups(filter: &DeadLetterFilter) -> anyhow::Result<CommandOutput> {
    let found = database()?
        .run(async |client| dead_letters::groups(client, filter, MAX_COUNTED).await)
        .await
        .context("cannot count the dead letters")?;
    let head = [
        "REASON", "CHANNEL", "PROVIDER", "COUNT", "FIRST", "LAST", "ERROR",
    ];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    lines.extend(found.groups.iter().map(|group| {
        vec![
            printable(&group.reason),
            channel(group.channel.as_deref()),
            printable(group.provider.as_deref().unwrap_or("-")),
            format!("{}{}", group.count, if group.is_capped { "+" } else { "" }),
            format!("{:.0}", group.first_failed_at),
            format!("{:.0}", group.last_failed_at),
            printable(group.error.as_deref().unwrap_or_default()),
        ]
    }));
    let mut text = table(&lines);
    if found.is_capped {
        text.push_str("There are more: of each group, only some are counted.\n");
    }
    let group = |group: &DeadLetterGroup| {
        json!({
            "reason": group.reason,
            "channel": group.channel,
            "provider": group.provider,
            "count": group.count,
            "isCapped": group.is_capped,
            "firstFailedAt": group.first_failed_at,
            "lastFailedAt": group.last_failed_at,
            "error": group.error,
        })
    };
    let groups: Vec<Value> = found.groups.iter().map(group).collect();
    CommandOutput::new(text, json!({"groups": groups, "isCapped": found.is_capped}))
}

/// Shows those with these ids. The exit code is 1 if one of them does not exist.
pub async fn show(ids: &[String]) -> anyhow::Result<CommandOutput> {
    let parsed: Option<Vec<Uuid>> = ids.iter().map(|id| id.parse().ok()).collect();
    let parsed = parsed.filter(|ids| !ids.is_empty()).ok_or(WrongUsage(
        "--recorded needs the ids that `tidings dlq list --recorded` shows",
    ))?;
    let database = database()?;
    let (mut text, mut shown) = (Text::default(), Vec::new());
    for id in &parsed {
        let found = database
            .run(async |client| dead_letters::find(client, *id).await)
            .await
            .context("cannot read the dead letter")?;
        let Some(row) = found else {
            text.line(format_args!("There is no dead letter {id}."));
            continue;
        };
        let json = json_of(&row);
        for (name, value) in json.as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), printable);
            text.line(format_args!("{name}: {value}"));
        }
        shown.push(json);
    }
    let all = shown.len() == parsed.len();
    Ok(CommandOutput::new(text, json!({"deadLetters": shown}))?.success_if(all))
}

fn channel(name: Option<&str>) -> String {
    printable(name.unwrap_or(NO_CHANNEL))
}

fn json_of(row: &DeadLetterRow) -> Value {
    json!({
        "id": row.id,
        "kind": match row.kind {
            DeadLetterKind::Notification => "notification",
            DeadLetterKind::Message => "message",
        },
        "messageId": row.message_id,
        "channel": row.channel,
        "provider": row.provider,
        "reason": row.reason,
        "error": row.error,
        "failedAt": row.failed_at,
        "attempts": row.attempts,
        "userId": row.user_id,
        "hasContent": row.has_content,
    })
}
