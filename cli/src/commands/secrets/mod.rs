//! `tidings secrets`.

mod rotate;

use crate::output::CommandOutput;

/// The commands for the secrets in the database.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Encrypt the secrets of webhook endpoints under the first key of `SECRETS_KEY`
    ///
    /// Run it after `SECRETS_KEY` was set, or got a new first key, for all programs. Afterwards the other keys can be
    /// removed. The programs may run meanwhile. If the command is stopped, nothing is lost: run it again to continue.
    ///
    /// Deletes previous secrets that no longer sign. A secret that no key decrypts stays as it is and makes the exit code 1.
    Rotate(rotate::Args),
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    match command {
        Command::Rotate(args) => rotate::run(args).await,
    }
}
