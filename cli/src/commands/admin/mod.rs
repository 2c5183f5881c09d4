//! `tidings admin`.

mod create;

use crate::output::CommandOutput;

/// The commands for admins.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Create a user with the role admin, or give an existing user this role
    Create(create::Args),
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    match command {
        Command::Create(args) => create::run(args).await,
    }
}
