//! `tidings users list`.

use serde_json::json;
use tidings_db::users::{self, UserFilter, UserRow};
use tidings_domain::content::EmailAddress;

use super::database;
use super::show::json;
use crate::output::{CommandOutput, Text, count, printable, table};

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only the user with this e-mail address
    #[arg(long)]
    email: Option<EmailAddress>,
    /// Only the user with this name
    #[arg(long)]
    username: Option<String>,
    /// The maximum number of users
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

/// Users in one query.
const PAGE: u32 = 200;

/// Lists users, those with the largest ids first.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let database = database()?;
    let filter = UserFilter {
        email: args.email,
        username: args.username,
    };
    let (mut rows, mut after) = (Vec::new(), None);
    let more = loop {
        let listed = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let left = args.limit.saturating_sub(listed);
        if left == 0 {
            break after.is_some();
        }
        let (page, next) = database
            .run(async |client| users::list(client, &filter, after, left.min(PAGE)).await)
            .await?;
        rows.extend(page);
        after = next;
        if after.is_none() {
            break false;
        }
    };
    let shown: Vec<_> = rows.iter().map(json).collect();
    CommandOutput::new(text(&rows, more), json!({ "users": shown, "more": more }))
}

fn text(rows: &[UserRow], more: bool) -> Text {
    if rows.is_empty() {
        return "No users.\n".to_owned().into();
    }
    let head = ["ID", "USERNAME", "EMAIL", "LOCALE", "TIMEZONE", "PHONE"];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(rows.iter().map(|row| {
        let shown =
            |value: Option<&String>| value.map_or_else(|| "-".to_owned(), |text| printable(text));
        vec![
            row.id.to_string(),
            printable(&row.username),
            shown(row.email.as_ref()),
            shown(row.locale.as_ref()),
            shown(row.timezone.as_ref()),
            shown(row.phone_numbers.first()),
        ]
    }));
    let mut text = Text::from(table(&cells));
    let shown = count(rows.len(), "user");
    let rest = if more { ", and there are more" } else { "" };
    text.line(format_args!("\n{shown}{rest}."));
    text
}
