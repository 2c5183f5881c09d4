//! `tidings notifications`: sends notifications, finds them and shows their way. Works on the database, with the rights of an
//! administrator.

mod content;
mod export;
mod filter;
mod list;
mod payload;
mod send;
mod show;

use tidings_db::{Database, DatabaseSettings};
use tidings_domain::notification::MessageId;
use tidings_settings::{Reader, read_trace_url_template};

use crate::output::CommandOutput;
use crate::settings;

/// The commands for notifications.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Send a notification. A worker that runs the scheduler publishes it
    Send(send::Args),
    /// List notifications, the newest first
    List(list::Args),
    /// Write all notifications that match to a file, without their payloads
    ///
    /// The export is in the audit log.
    Export(export::Args),
    /// Show what has happened to a notification, its attempts, and what happens next
    Show {
        /// The notification
        id: MessageId,
    },
    /// Show the payload of a notification
    ///
    /// Each reading is in the audit log.
    Payload {
        /// The notification
        id: MessageId,
    },
    /// Show what the recipient of a notification reads
    ///
    /// A template is rendered in the version that the last attempt has used. Each reading is in the audit log.
    Content(content::Args),
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    let section = |reader: &mut Reader| {
        let trace_url = read_trace_url_template(reader);
        Some((DatabaseSettings::read(reader)?, trace_url))
    };
    let (settings, trace_url) = settings::read(section)?;
    let database = Database::new(&settings, "tidings notifications")?;
    match command {
        Command::Send(args) => send::run(&database, args).await,
        Command::List(args) => list::run(&database, args).await,
        Command::Export(args) => export::run(&database, args).await,
        Command::Show { id } => show::run(&database, id, trace_url.as_ref()).await,
        Command::Payload { id } => payload::run(&database, id).await,
        Command::Content(args) => content::run(&database, args).await,
    }
}
