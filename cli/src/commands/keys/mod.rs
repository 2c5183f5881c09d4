//! `tidings keys`.

mod create;
mod list;
mod revoke;
mod rotate;
mod show;

use tidings_db::{Database, DatabaseSettings};

use crate::output::CommandOutput;
use crate::settings;

/// The commands for API keys.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Create an API key and print it; nothing else prints it again
    Create(create::Args),
    /// List API keys without their secrets
    List(list::Args),
    /// Revoke an API key, for good
    Revoke(revoke::Args),
    /// Give an API key another secret and print it; nothing else prints it again
    Rotate(rotate::Args),
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    match command {
        Command::Create(args) => create::run(args).await,
        Command::List(args) => list::run(args).await,
        Command::Revoke(args) => revoke::run(args).await,
        Command::Rotate(args) => rotate::run(args).await,
    }
}

fn database() -> anyhow::Result<Database> {
    let settings = settings::read(DatabaseSettings::read)?;
    Ok(Database::new(&settings, "tidings keys")?)
}
