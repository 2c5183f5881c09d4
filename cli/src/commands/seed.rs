//! `tidings seed`.

use anyhow::{Context, bail};
use serde_json::json;
use tidings_db::{Database, DatabaseSettings, SecretKeys, demo, migrations};

use crate::operator::operator;
use crate::output::{CommandOutput, count};
use crate::settings;

/// Creates the demo data that do not exist yet: users with their contacts, and templates.
pub async fn run() -> anyhow::Result<CommandOutput> {
    let (settings, keys) = settings::read(|reader| {
        let database = DatabaseSettings::read(reader);
        let keys = SecretKeys::read(reader);
        Some((database?, keys))
    })?;
    let database = Database::new(&settings, "tidings seed")?;
    let pending = migrations::pending(&database)
        .await
        .context("cannot read which migrations have run")?;
    if !pending.is_empty() {
        bail!(
            "the schema is not up to date: {} not run yet. Run `tidings migrate` first",
            count(pending.len(), "migration")
        );
    }
    let made = demo::seed(&database, &keys, &operator())
        .await
        .context("cannot create the demo data")?;
    let text = match made {
        0 => "The demo users exist already.\n".to_owned(),
        made => format!("Created {}, with contacts.\n", count(made, "demo user")),
    };
    let text = text + "Created the demo templates that did not exist.\n";
    CommandOutput::new(text, json!({ "made": made }))
}
