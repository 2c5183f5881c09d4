//! `tidings keys list`.

use serde_json::json;
use tidings_db::api_keys::{self, ApiKeyRow, KeyFilter};
use tidings_domain::notification::UserId;

use super::database;
use super::show;
use crate::output::{CommandOutput, Text, count, printable, table};
use crate::paging::{Listed, read_pages};

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only keys of this user
    #[arg(long, value_name = "USER_ID")]
    user: Option<UserId>,
    /// Also revoked keys
    #[arg(long)]
    revoked: bool,
    /// The maximum number of keys
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

/// Lists keys, the newest first.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let database = database()?;
    let filter = KeyFilter {
        user: args.user,
        revoked: args.revoked,
    };
    let read = async |after, rows| {
        let page = database.run(async |client| api_keys::list(client, filter, after, rows).await);
        page.await
    };
    let listed = read_pages(args.limit, read).await?;
    let shown: Vec<_> = listed
        .rows
        .iter()
        .map(|row| show::json(row, None))
        .collect();
    CommandOutput::new(
        text(&listed),
        json!({ "keys": shown, "more": listed.has_more }),
    )
}

fn text(listed: &Listed<ApiKeyRow>) -> Text {
    if listed.rows.is_empty() {
        return "No API keys.\n".to_owned().into();
    }
    let head = ["ID", "NAME", "SCOPES", "USER", "LAST USED", "STATE"];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(listed.rows.iter().map(|row| {
        let user = row.user_id.map(|user| user.to_string());
        let last_use = row.last_used_at.map(|time| format!("{time:.0}"));
        let dash = || "-".to_owned();
        vec![
            row.id.to_string(),
            printable(&row.name),
            row.scopes.to_string(),
            user.unwrap_or_else(dash),
            last_use.unwrap_or_else(dash),
            state(row).to_owned(),
        ]
    }));
    let mut text = Text::from(table(&cells));
    let shown = count(listed.rows.len(), "API key");
    let rest = listed.rest();
    text.line(format_args!("\n{shown}{rest}."));
    text
}

fn state(row: &ApiKeyRow) -> &'static str {
    let now = jiff::Timestamp::now();
    if row.revoked_at.is_some() {
        "revoked"
    } else if row.suspended_at.is_some() {
        "suspended"
    } else if row.expires_at.is_some_and(|time| time <= now) {
        "expired"
    } else {
        "valid"
    }
}
