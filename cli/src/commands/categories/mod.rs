//! `tidings categories`.

mod delete;
mod list;
mod set;

use serde_json::{Value, json};
use tidings_db::categories::CategoryRow;
use tidings_db::{Database, DatabaseSettings};
use tidings_domain::category::CategoryName;
use tidings_domain::digest::DigestMode;

use crate::output::{CommandOutput, Text, printable, table};
use crate::settings;

/// The commands for categories.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the categories
    List,
    /// Create a category, or replace its definition
    ///
    /// What is not given has its default, also if the category existed before. The programs know it after a second.
    Set(Box<set::Args>),
    /// Delete a category
    ///
    /// What users have chosen about it stays, and counts again if the category is created again. Its notifications are
    /// handled as transactional.
    Delete(ByName),
}

/// Selects a category.
#[derive(Debug, clap::Args)]
pub struct ByName {
    /// The name of the category
    #[arg(value_name = "NAME")]
    name: CategoryName,
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    let settings = settings::read(DatabaseSettings::read)?;
    let database = Database::new(&settings, "tidings categories")?;
    match command {
        Command::List => list::run(&database).await,
        Command::Set(args) => set::run(&database, *args).await,
        Command::Delete(args) => delete::run(&database, args.name).await,
    }
}

/// A category as JSON, with the fields of the API.
fn json_of(row: &CategoryRow) -> Value {
    let category = &row.category;
    let defaults = category.defaults.iter();
    let defaults = defaults.map(|(channel, enabled)| (channel.as_str().to_owned(), json!(enabled)));
    json!({
        "name": row.name.as_str(),
        "kind": category.kind.as_str(),
        "label": category.label,
        "description": category.description,
        "defaults": Value::Object(defaults.collect()),
        "throttle": category.throttle,
        "digest": category.digest,
        "quiet": category.quiet.as_str(),
        "listed": category.listed,
        "unsubscribe": category.unsubscribe,
        "builtIn": row.name == CategoryName::security(),
        "updatedAt": row.updated_at,
    })
}

/// Categories as text.
fn text_of(rows: &[CategoryRow]) -> Text {
    let head = [
        "NAME",
        "KIND",
        "DEFAULT OFF",
        "QUIET",
        "LIMIT",
        "DIGEST",
        "LISTED",
        "LABEL",
    ];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(rows.iter().map(|row| {
        let category = &row.category;
        let off = category.defaults.iter().filter(|(_, enabled)| !**enabled);
        let off: Vec<&str> = off.map(|(channel, _)| channel.as_str()).collect();
        let limit = category.throttle.as_ref().map(|throttle| {
            let key = throttle.key.as_deref().map(|key| format!(" by {key}"));
            let key = printable(&key.unwrap_or_default());
            format!("{} in {} s{key}", throttle.limit, throttle.window_secs)
        });
        let digest = category.digest.map(|rule| match rule.window_secs {
            Some(seconds) if rule.mode == DigestMode::Window => {
                format!("{} ({seconds} s)", rule.mode)
            }
            _ => rule.mode.to_string(),
        });
        let or_none = |text: String| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                text
            }
        };
        vec![
            row.name.to_string(),
            category.kind.to_string(),
            or_none(off.join(",")),
            category.quiet.as_str().to_owned(),
            or_none(limit.unwrap_or_default()),
            or_none(digest.unwrap_or_default()),
            if category.listed { "yes" } else { "no" }.to_owned(),
            or_none(printable(category.label.as_deref().unwrap_or_default())),
        ]
    }));
    table(&cells).into()
}
