//! `tidings migrate`.

use anyhow::Context;
use serde_json::json;
use tidings_db::{Database, DatabaseSettings, migrations};

use crate::output::{CommandOutput, count};
use crate::settings;

/// Arguments of `migrate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only list the migrations that have not run; the exit code is 1 if there are any
    #[arg(long, visible_alias = "dry-run")]
    pending: bool,
}

/// Runs the pending migrations, or lists them.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let settings = settings::read(DatabaseSettings::read)?;
    let database = Database::new(&settings, "tidings migrate")?;
    if args.pending {
        let pending = migrations::pending(&database)
            .await
            .context("cannot read which migrations have run")?;
        let text = list("not run yet", &pending);
        let report = CommandOutput::new(text, json!({ "pending": pending }))?;
        return Ok(report.success_if(pending.is_empty()));
    }
    let applied = migrations::run(&database)
        .await
        .context("cannot migrate the database")?;
    CommandOutput::new(list("run", &applied), json!({ "applied": applied }))
}

fn list(what: &str, migrations: &[String]) -> String {
    if migrations.is_empty() {
        return "The schema is up to date.\n".to_owned();
    }
    let names = migrations.iter().map(|name| format!("  {name}\n"));
    let names: String = names.collect();
    format!("{} {what}:\n{names}", count(migrations.len(), "migration"))
}
