//! `tidings dlq show`.

use serde_json::{Value, json};
use tidings_broker::{BodySensitivity, BrokerSettings, DeadLetter};
use tidings_db::{Database, DatabaseSettings, notifications, templates};
use tidings_settings::database_is_set;

use super::details::{details, text};
use super::queue::with_queue;
use super::recorded;
use super::selection::{DeadLetterFilter, FailureFilter};
use super::summary::message_id;
use crate::output::CommandOutput;
use crate::settings;

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("selection")
    .args(["ids", "channel", "reason", "from", "to", "all"]).required(true).multiple(true))]
pub struct Args {
    /// The dead letters of these messages
    #[arg(value_name = "MESSAGE_ID")]
    ids: Vec<String>,
    #[command(flatten)]
    failure: FailureFilter,
    /// All dead letters, even those without a message id
    #[arg(long)]
    all: bool,
    /// Show what PostgreSQL knows of these ids, without the body
    #[arg(long, conflicts_with_all = ["channel", "reason", "from", "to", "all", "limit"])]
    recorded: bool,
    /// The maximum number of dead letters to show
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

/// Prints the selected dead letters with all details. The exit code is 1 if no dead letter matches.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    if args.recorded {
        return recorded::show(&args.ids).await;
    }
    // The database is optional: without it, only the rows are unknown.
    let (settings, database) = settings::read(|reader| {
        let broker = BrokerSettings::read(reader);
        let database = if database_is_set(reader) {
            Some(DatabaseSettings::read(reader)?)
        } else {
            None
        };
        Some((broker?, database))
    })?;
    let filter = DeadLetterFilter {
        ids: args.ids,
        failure: args.failure,
    };
    let dead_letters = with_queue(&settings, async |queue| {
        let mut found = Vec::new();
        // Reads to the end, because a message may have several dead letters.
        while found.len() < args.limit
            && let Some(dead_letter) = queue.next(&filter).await?
        {
            found.push(dead_letter);
        }
        Ok(found)
    })
    .await?;
    let mut rows = Rows::new(database.as_ref());
    let mut shown = Vec::new();
    for dead_letter in &dead_letters {
        let hidden = rows.hides_payload(dead_letter).await;
        shown.push(details(dead_letter, rows.find(dead_letter).await, hidden));
    }
    let text = if shown.is_empty() {
        format!("No such dead letter in {}.\n", settings.names.dlq)
    } else {
        let texts: Vec<String> = shown.iter().map(text).collect();
        texts.join("\n")
    };
    Ok(CommandOutput::new(text, json!({ "deadLetters": shown }))?.success_if(!shown.is_empty()))
}

/// Queries rows, until the database is unavailable.
struct Rows {
    database: Result<Database, String>,
}

impl Rows {
    fn new(settings: Option<&DatabaseSettings>) -> Self {
        let database = match settings {
            None => Err("not queried: DATABASE_URL is not set".to_owned()),
            Some(settings) => Database::new(settings, "tidings dlq show")
                .map_err(|error| format!("not queried: {error}")),
        };
        Self { database }
    }

    /// Whether the payload in the body of a dead letter must not be shown. If the database cannot say whether its template
    /// is sensitive, it is hidden.
    async fn hides_payload(&self, dead_letter: &DeadLetter) -> bool {
        let body = dead_letter.sensitivity();
        let BodySensitivity::OfTemplate { name, channel } = &body else {
            return body == BodySensitivity::Sensitive;
        };
        let Ok(database) = &self.database else {
            return true;
        };
        let asked =
            database.run(async |client| templates::is_sensitive(client, name, *channel).await);
        asked.await.unwrap_or(true)
    }

    /// The row of a dead letter as JSON, or the reason why it is unknown.
    async fn find(&mut self, dead_letter: &DeadLetter) -> Value {
        let database = match &self.database {
            Ok(database) => database,
            Err(why) => return json!({ "unknown": why }),
        };
        let Some(id) = message_id(dead_letter) else {
            return json!({ "unknown": "the dead letter has no message id" });
        };
        let found = database
            .run(async |client| notifications::find(client, id, None).await)
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
                let why = format!("not queried: {error}");
                self.database = Err(why.clone());
                json!({ "unknown": why })
            }
        }
    }
}
