//! `tidings preferences`.

mod choices;
mod explain;
mod get;
mod set;

use anyhow::bail;
use serde_json::{Value, json};
use tidings_db::preferences::PreferenceRow;
use tidings_db::{Database, DatabaseSettings};
use tidings_domain::notification::UserId;

use super::users::show;
use crate::output::{CommandOutput, printable};
use crate::settings;

/// The commands for preferences.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Print what a user receives, and why
    Get(get::Args),
    /// Make choices for a user, or take them back
    ///
    /// After the command, no attempt begins to deliver what the user does not want. The choices have the source `admin`.
    Set(set::Args),
    /// Print what would happen to a notification that is sent now, and which rule decides
    ///
    /// Sends nothing, and changes nothing. Reads `USER_LIMITS`, `DEFAULT_TIMEZONE`, `QUIET_SPREAD_SECS`, `UNSUBSCRIBE_SECRETS` and the
    /// providers from the settings of this tool: they must be those of the API and the workers.
    Explain(explain::Args),
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    match command {
        Command::Get(args) => get::run(args).await,
        Command::Set(args) => set::run(args).await,
        Command::Explain(args) => explain::run(args).await,
    }
}

fn database() -> anyhow::Result<Database> {
    let settings = settings::read(DatabaseSettings::read)?;
    Ok(Database::new(&settings, "tidings preferences")?)
}

/// The user that an argument names: by the id, the e-mail address or the name. An id need not exist.
async fn user_id(database: &Database, user: &str) -> anyhow::Result<UserId> {
    if let Ok(id) = user.parse() {
        return Ok(id);
    }
    match show::find(database, user).await? {
        Some(row) => Ok(row.id),
        None => bail!("there is no user {}", printable(user)),
    }
}

/// A choice as JSON, with the fields of the API.
fn choice_json(row: &PreferenceRow) -> Value {
    json!({
        "category": row.category.as_str(),
        "channel": row.channel.as_str(),
        "enabled": row.enabled,
        "source": row.source.as_str(),
        "updatedAt": row.updated_at,
    })
}

/// A choice as text.
fn choice_text(row: &PreferenceRow) -> String {
    let wants = if row.enabled { "wants" } else { "refuses" };
    let (category, channel, source) = (&row.category, row.channel, row.source);
    format!(
        "{wants} {category} by {channel} ({source}, {:.0})",
        row.updated_at
    )
}
