//! `tidings schedules`. Works on the database, with the rights of an administrator.

mod change;
mod create;
mod list;
mod preview;
mod show;

use anyhow::bail;
use tidings_db::notifications::SenderScope;
use tidings_db::{Database, DatabaseSettings};
use tidings_domain::notification::ScheduleId;

use crate::output::CommandOutput;
use crate::settings;

/// The commands for recurring schedules.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List schedules, newest first
    List(list::Args),
    /// Create a schedule
    ///
    /// The payload is checked as by the API, but not whether the channel has a provider and whether webhooks may go to a
    /// URL: the worker checks these before it sends.
    Create(Box<create::Args>),
    /// Print a schedule
    Get(ById),
    /// Pause a schedule
    Pause(ById),
    /// Resume a paused schedule, at its first occurrence from now on
    Resume(ById),
    /// Delete a schedule; the notifications that it has created stay as they are
    Delete(ById),
    /// Print the next occurrences of a schedule, or of a pattern
    Preview(Box<preview::Args>),
}

/// Selects a schedule.
#[derive(Debug, clap::Args)]
pub struct ById {
    /// The schedule
    #[arg(value_name = "SCHEDULE_ID")]
    id: ScheduleId,
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    match command {
        Command::List(args) => list::run(args).await,
        Command::Create(args) => create::run(*args).await,
        Command::Get(args) => show::run(args.id).await,
        Command::Pause(args) => change::pause(args.id).await,
        Command::Resume(args) => change::resume(args.id).await,
        Command::Delete(args) => change::delete(args.id).await,
        Command::Preview(args) => preview::run(*args).await,
    }
}

/// All schedules.
fn all() -> SenderScope {
    SenderScope::default()
}

fn database() -> anyhow::Result<Database> {
    let settings = settings::read(DatabaseSettings::read)?;
    Ok(Database::new(&settings, "tidings schedules")?)
}

fn not_found<T>(id: ScheduleId) -> anyhow::Result<T> {
    bail!("there is no schedule {id}")
}
