//! `tidings templates uses`.

use serde_json::{Value, json};
use tidings_db::{Database, templates};
use tidings_templates::TemplateName;

use crate::output::{CommandOutput, Text, printable};

/// The most schedules that are listed.
const LIMIT: u32 = 1000;

/// Arguments of `uses`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The name by which notifications refer to the template
    #[arg(value_name = "NAME")]
    name: TemplateName,
}

/// Shows where a template is used.
pub async fn run(database: &Database, args: Args) -> anyhow::Result<CommandOutput> {
    let name = args.name;
    // One more than is listed says whether there are more.
    let mut schedules = database
        .run(async |client| templates::schedules_with(client, &name, LIMIT + 1).await)
        .await?;
    let most = usize::try_from(LIMIT).unwrap_or(usize::MAX);
    let has_more = schedules.len() > most;
    schedules.truncate(most);
    let mut text = Text::default();
    for one in &schedules {
        let paused = if one.paused { ", paused" } else { "" };
        let (id, channel, cron) = (one.id, &one.r#type, printable(&one.cron));
        text.line(format_args!("schedule {id}: {channel}, {cron}{paused}"));
    }
    if has_more {
        text.line(format_args!("There are more than {LIMIT} schedules."));
    }
    if let Some(category) = name.as_str().strip_prefix("digest/") {
        text.line(format_args!("the digests of the category {category}"));
    }
    text.line(format_args!(
        "notifications: `tidings notifications list --template {name}`"
    ));
    let all: Vec<Value> = schedules
        .iter()
        .map(|one| {
            json!({"id": one.id, "type": one.r#type, "locale": one.locale, "cron": one.cron, "paused": one.paused})
        })
        .collect();
    CommandOutput::new(text, json!({ "schedules": all, "more": has_more }))
}
