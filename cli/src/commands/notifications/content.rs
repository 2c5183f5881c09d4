//! `tidings notifications content`.

use anyhow::{Context, bail};
use serde_json::json;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::notifications::{self, PayloadReader};
use tidings_db::{Database, TransactionOptions};
use tidings_domain::notification::MessageId;
use tidings_settings::{Reader, table};

use crate::operator::operator;
use crate::output::{CommandOutput, Text, printable};
use crate::settings;

/// Arguments of `notifications content`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The notification
    id: MessageId,
    /// The attempt whose template is rendered, counted from 0; by default the last one with a template
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..))]
    attempt: Option<i32>,
    /// Print the HTML of an e-mail instead of its text
    #[arg(long)]
    html: bool,
}

/// Shows what the recipient reads, and writes the entry of the audit log.
pub async fn run(database: &Database, args: Args) -> anyhow::Result<CommandOutput> {
    let Args { id, attempt, html } = args;
    let origin = operator();
    let reading = database.transaction(TransactionOptions::default(), async |transaction| {
        let found = notifications::find_rendering(transaction, id, None, attempt).await?;
        if let Some(rendering) = &found {
            let entry = origin.entry(Action::NotificationPayload);
            let mut entry = entry
                .on(TargetKind::Notification, id)
                .with("rendered", true);
            if let Some(attempt) = rendering.attempt {
                entry = entry.with("attempt", attempt);
            }
            audit::record(transaction, &entry).await?;
        }
        Ok(found)
    });
    let Some(found) = reading.await.context("cannot read the notification")? else {
        bail!("there is no notification {id}, or it is not recorded yet");
    };
    let reader = PayloadReader::Other;
    let makes_links = Reader::new(settings::sources()).is_set(table::UNSUBSCRIBE_SECRETS);
    let is_hidden = found.row.payload_for(reader).is_none();
    let removed_at = found.row.payload_removed_at;
    let (content, error) = match found.content(reader, makes_links) {
        Ok(content) => (content, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let mut text = Text::default();
    match (&content, &error, removed_at) {
        (Some(content), ..) if html => match &content.html {
            Some(html) => lines(&mut text, html),
            None => text.line("There is no HTML."),
        },
        (Some(content), ..) => {
            if let Some(subject) = &content.subject {
                text.line(format_args!("{}\n", printable(subject)));
            }
            lines(&mut text, &content.text);
        }
        (None, Some(error), _) => {
            text.line(format_args!("There is no content: {}", printable(error)));
        }
        (None, None, Some(at)) => text.line(format_args!("The payload was erased at {at:.0}.")),
        (None, None, None) => {
            text.line("The notification is sensitive: its content is never shown.");
        }
    }
    let content = content.as_ref();
    let json = json!({
        "messageId": id,
        "type": found.row.r#type,
        "attempt": found.attempt,
        "template": found.template.as_ref().map(|one| json!({
            "name": one.name, "channel": one.channel, "locale": one.locale, "version": one.version,
        })),
        "subject": content.and_then(|one| one.subject.as_deref()),
        "text": content.map(|one| &one.text),
        "html": content.and_then(|one| one.html.as_deref()),
        "error": error,
        "payloadHidden": is_hidden,
        "payloadRemovedAt": removed_at,
    });
    CommandOutput::new(text, json)
}

/// Adds a text line by line, because a terminal obeys other control characters.
fn lines(out: &mut Text, text: &str) {
    for line in text.lines() {
        out.line(printable(line));
    }
}
