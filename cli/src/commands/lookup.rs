//! `tidings lookup`.

use anyhow::Context;
use serde_json::json;
use tidings_db::lookup::{self, IdKind, LookupResult};
use tidings_db::{Database, DatabaseSettings};

use crate::output::{CommandOutput, Text, printable};
use crate::settings;

/// Arguments of `lookup`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A message id, the id of a provider, a dead letter, a user, a webhook endpoint or a job, or the name of a template
    id: String,
}

/// Says what has an id.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let id = args.id.trim();
    let database = Database::new(&settings::read(DatabaseSettings::read)?, "tidings lookup")?;
    let reading = database.run(async |client| lookup::look_up(client, &IdKind::ALL, id).await);
    let LookupResult { found, referred } = reading.await.context("cannot look up the id")?;
    let mut all: Vec<(&str, String)> = found
        .into_iter()
        .map(|(kind, id)| (kind.as_str(), id))
        .collect();
    let searched_until = referred.as_ref().and_then(|page| page.searched_until);
    let rows = referred.into_iter().flat_map(|page| page.rows);
    all.extend(rows.map(|row| ("providerReference", row.message_id.to_string())));
    let mut text = Text::default();
    for (kind, id) in &all {
        text.line(format_args!("{kind}\t{}", printable(id)));
    }
    if all.is_empty() {
        text.line("No notification, dead letter, user, endpoint, job or template has this id, and no provider has given it.");
    }
    if let Some(at) = searched_until {
        text.line(format_args!(
            "Ids of providers were searched back to {at:.0}: `tidings notifications list --reference ID` goes on."
        ));
    }
    let found: Vec<_> = all
        .iter()
        .map(|(kind, id)| json!({"kind": kind, "id": id}))
        .collect();
    CommandOutput::new(
        text,
        json!({"id": id, "found": found, "referencesSearchedUntil": searched_until}),
    )
}
