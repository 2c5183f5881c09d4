//! `tidings dlq`. A dead letter that is read but not removed always returns to its queue: it stays unacknowledged, and
//! the broker requeues it when the channel closes.

mod audit;
mod details;
mod list;
mod purge;
mod queue;
mod recorded;
mod replay;
mod replay_action;
mod replay_job;
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
    /// Count the dead letters that PostgreSQL knows by reason, channel and provider
    Groups(list::GroupArgs),
    /// Print dead letters with all details: properties, headers, failure and body
    Show(show::Args),
    /// Send dead letters again, from the first attempt
    ///
    /// A worker does it, as a job: it goes on if the command is stopped. Dead letters that cannot be sent are skipped, and
    /// make the exit code 1.
    ///
    /// With --from-queue, the command itself publishes what is in the queue. If it is stopped, nothing is lost: run it again
    /// to continue. If the notification of a dead letter
    /// was delivered meanwhile, the dead letter is removed without being sent. A dead letter that cannot be
    /// replayed stays in the queue and makes the exit code 1.
    Replay(replay::Args),
    /// Delete dead letters permanently; their rows stay `failed`
    ///
    /// With --recorded, a worker does it, as a job, with all dead letters that PostgreSQL knows.
    Purge(purge::Args),
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    match command {
        Command::List(args) => list::run(args).await,
        Command::Groups(args) => list::run_groups(args).await,
        Command::Show(args) => show::run(args).await,
        Command::Replay(args) => replay::run(args).await,
        Command::Purge(args) => purge::run(args).await,
    }
}
