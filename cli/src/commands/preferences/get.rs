//! `tidings preferences get`.

use anyhow::bail;
use serde_json::{Value, json};
use tidings_db::preferences::{self, GridCell, GridRow, PreferenceRow};
use tidings_db::{Database, categories, users};
use tidings_domain::category::CategoryKind;
use tidings_domain::notification::{Channel, UserId};
use tidings_domain::preference::{Because, Recipient};

use super::{choice_json, choice_text, database, user_id};
use crate::output::{CommandOutput, Text, table};

/// Arguments of `get`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id, the e-mail address or the name of the user
    #[arg(value_name = "USER")]
    user: String,
}

/// Prints what a user receives.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let database = database()?;
    let user = user_id(&database, &args.user).await?;
    show(&database, user).await
}

/// The preferences of a user.
pub async fn show(database: &Database, user: UserId) -> anyhow::Result<CommandOutput> {
    let found = database
        .run(async |client| {
            if !users::exists(client, user).await? {
                return Ok(None);
            }
            let categories = categories::list(client).await?;
            let chosen = preferences::list(client, Recipient::User(user)).await?;
            Ok(Some((categories, chosen)))
        })
        .await?;
    let Some((categories, chosen)) = found else {
        bail!("there is no user {user}");
    };
    let rows = preferences::grid(&categories, &chosen);
    let json = json!({
        "categories": rows.iter().map(row_json).collect::<Vec<_>>(),
        "preferences": chosen.iter().map(choice_json).collect::<Vec<_>>(),
    });
    CommandOutput::new(text(&rows, &chosen), json)
}

fn name<'r>(row: &'r GridRow<'_>) -> &'r str {
    row.category.map_or("*", |row| row.name.as_str())
}

fn because(cell: &GridCell<'_>) -> &'static str {
    match cell.effective.because {
        Because::Critical => "critical",
        Because::Choice(_) => "choice",
        Because::Default => "default",
        Because::Nothing => "nothing_chosen",
    }
}

fn row_json(row: &GridRow<'_>) -> Value {
    let cells = row.cells.iter().map(|cell| {
        let mut json = json!({
            "channel": cell.channel.as_str(),
            "effective": cell.effective.enabled,
            "because": because(cell),
        });
        if let Some(choice) = cell.choice {
            json["choice"] = choice_json(choice);
        }
        json
    });
    let kind = row
        .category
        .map_or(CategoryKind::default(), |row| row.category.kind);
    json!({
        "name": name(row),
        "label": row.category.and_then(|row| row.category.label.as_deref()),
        "description": row.category.and_then(|row| row.category.description.as_deref()),
        "kind": kind.as_str(),
        "locked": kind == CategoryKind::Critical,
        "channels": cells.collect::<Vec<_>>(),
    })
}

fn text(rows: &[GridRow<'_>], chosen: &[PreferenceRow]) -> Text {
    let mut head = vec!["CATEGORY".to_owned()];
    head.extend(Channel::ALL.map(|channel| channel.as_str().to_uppercase()));
    let mut cells = vec![head];
    for row in rows {
        let mut line = vec![name(row).to_owned()];
        line.extend(row.cells.iter().map(|cell| {
            let on = if cell.effective.enabled { "on" } else { "off" };
            match because(cell) {
                "nothing_chosen" => on.to_owned(),
                because => format!("{on} ({because})"),
            }
        }));
        cells.push(line);
    }
    let mut text = Text::from(table(&cells));
    for choice in chosen {
        text.line(format_args!("The user {}.", choice_text(choice)));
    }
    text
}
