//! Dead letters. Whatever is read and not removed goes back to its queue, on every way out: the
//! broker holds it for us, unacknowledged, and takes it back when our channel ends.

mod describe;
mod letter;
mod letters;
mod list;
mod purge;
mod replay;
mod selection;
mod show;
mod tally;
mod verdict;

use crate::output::Report;

/// What can be done with dead letters.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List dead letters, oldest first, and count them by reason
    List(list::Args),
    /// Print all there is to know of dead letters: properties, headers, failure and body
    Show(show::Args),
    /// Send dead letters through their stage again, from the first attempt
    ///
    /// Stopped at any point, it loses nothing: run it again and it goes on. A letter whose
    /// notification was delivered meanwhile is removed without being sent. What cannot be replayed
    /// stays in the queue and makes the exit code 1.
    Replay(replay::Args),
    /// Delete dead letters for good; their rows stay `failed`
    Purge(purge::Args),
}

/// Runs one of them.
pub async fn run(command: Command) -> anyhow::Result<Report> {
    match command {
        Command::List(args) => list::run(args).await,
        Command::Show(args) => show::run(args).await,
        Command::Replay(args) => replay::run(args).await,
        Command::Purge(args) => purge::run(args).await,
    }
}
