use serde_json::{Value, json};
use tidings_broker::BrokerSettings;
use tidings_broker::DeadLetter;
use tidings_db::{Database, DatabaseSettings, notifications};

use super::describe::{describe, text};
use super::letter::message_id;
use super::letters::with_letters;
use super::selection::{Failure, Filter};
use tidings_settings::database_is_set;

use crate::output::Report;
use crate::settings;

/// What `show` can be told.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("selection")
    .args(["ids", "channel", "reason", "all"]).required(true).multiple(true))]
pub struct Args {
    /// The letters of these messages
    #[arg(value_name = "MESSAGE_ID")]
    ids: Vec<String>,
    #[command(flatten)]
    failure: Failure,
    /// All letters, those included that name no message
    #[arg(long)]
    all: bool,
    /// Show at most so many
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

/// Prints all there is to know of the selected letters. The exit code is 1 where there are none.
pub async fn run(args: Args) -> anyhow::Result<Report> {
    // The database is asked where it is known; the letters can be looked at without it.
    let (settings, database) = settings::read(|reader| {
        let broker = BrokerSettings::read(reader);
        let database = if database_is_set(reader) {
            Some(DatabaseSettings::read(reader)?)
        } else {
            None
        };
        Some((broker?, database))
    })?;
    let filter = Filter {
        ids: args.ids,
        failure: args.failure,
    };
    let letters = with_letters(&settings, async |letters| {
        let mut found = Vec::new();
        // To the end, since a message may have several letters.
        while found.len() < args.limit
            && let Some(letter) = letters.next(&filter).await?
        {
            found.push(letter);
        }
        Ok(found)
    })
    .await?;
    let mut rows = Rows::new(database.as_ref());
    let mut shown = Vec::new();
    for letter in &letters {
        shown.push(describe(letter, rows.of(letter).await));
    }
    let text = if shown.is_empty() {
        format!("No such dead letter in {}.\n", settings.names.dlq)
    } else {
        let texts: Vec<String> = shown.iter().map(text).collect();
        texts.join("\n")
    };
    Ok(Report::fine(text, json!({ "deadLetters": shown }))?.fine_if(!shown.is_empty()))
}

/// Looks rows up, until the database turns out to be away.
struct Rows {
    database: Result<Database, String>,
}

impl Rows {
    fn new(settings: Option<&DatabaseSettings>) -> Self {
        let database = match settings {
            None => Err("not looked up: DATABASE_URL is not set".to_owned()),
            Some(settings) => Database::new(settings, "tidings dlq show")
                .map_err(|error| format!("not looked up: {error}")),
        };
        Self { database }
    }

    /// What the table knows of a letter's message, or why that is not known.
    async fn of(&mut self, letter: &DeadLetter) -> Value {
        let database = match &self.database {
            Ok(database) => database,
            Err(why) => return json!({ "unknown": why }),
        };
        let Some(id) = message_id(letter) else {
            return json!({ "unknown": "the letter names no message" });
        };
        let found = database
            .run(async |client| notifications::find(client, id).await)
            .await;
        match found {
            Ok(None) => Value::Null,
            Ok(Some(row)) => json!({
                "status": row.status,
                "retriesAttempted": row.retries_attempted,
                "createdAt": row.created_at,
                "errorMessage": row.error_message,
            }),
            Err(error) => {
                let why = format!("not looked up: {error}");
                self.database = Err(why.clone());
                json!({ "unknown": why })
            }
        }
    }
}
