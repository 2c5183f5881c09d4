//! `tidings dlq`. A dead letter that is read but not removed always returns to its queue: it stays unacknowledged, and
//! the broker requeues it when the channel closes.

mod audit;
mod details;
mod list;
mod purge;
mod queue;
mod replay;
mod replay_action;
mod replay_report;
mod replay_rows;
mod selection;
mod show;
mod summary;

use crate::output::CommandOutput;

/// The commands for dead letters.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List dead letters, oldest first, and count them by reason
    List(list::Args),
    /// Print dead letters with all details: properties, headers, failure and body
    Show(show::Args),
    /// Publish dead letters to their stage again, from the first attempt
    ///
    /// If the command is stopped, nothing is lost: run it again to continue. If the notification of a dead letter
    /// was delivered meanwhile, the dead letter is removed without being sent. A dead letter that cannot be
    /// replayed stays in the queue and makes the exit code 1.
    Replay(replay::Args),
    /// Delete dead letters permanently; their rows stay `failed`
    Purge(purge::Args),
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    match command {
        Command::List(args) => list::run(args).await,
        Command::Show(args) => show::run(args).await,
        Command::Replay(args) => replay::run(args).await,
        Command::Purge(args) => purge::run(args).await,
    }
}
