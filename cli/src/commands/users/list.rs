//! `tidings users list`.

use serde_json::json;
use tidings_db::users::{self, UserFilter, UserRow};
use tidings_domain::content::EmailAddress;

use super::database;
use super::show::json;
use crate::output::{CommandOutput, Text, count, printable, table};
use crate::paging::{Listed, read_pages};

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

/// Lists users, those with the largest ids first.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let database = database()?;
    let filter = UserFilter {
        email: args.email,
        username: args.username,
    };
    let read = async |after, rows| {
        let page = database.run(async |client| users::list(client, &filter, after, rows).await);
        page.await
    };
    let listed = read_pages(args.limit, read).await?;
    let shown: Vec<_> = listed.rows.iter().map(json).collect();
    CommandOutput::new(
        text(&listed),
        json!({ "users": shown, "more": listed.has_more }),
    )
}

fn text(listed: &Listed<UserRow>) -> Text {
    if listed.rows.is_empty() {
        return "No users.\n".to_owned().into();
    }
    let head = ["ID", "USERNAME", "EMAIL", "LOCALE", "TIMEZONE", "PHONE"];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(listed.rows.iter().map(|row| {
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
    let shown = count(listed.rows.len(), "user");
    let rest = listed.rest();
    text.line(format_args!("\n{shown}{rest}."));
    text
}
