//! `tidings dashboard`.

mod login;

use crate::output::CommandOutput;

/// The commands for the dashboard.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Print a link that logs in to the dashboard once
    ///
    /// The link works once, within 10 minutes, for anybody who has it: do not send it by e-mail or chat.
    Login(login::Args),
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    match command {
        Command::Login(args) => login::run(args).await,
    }
}
