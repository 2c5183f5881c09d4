//! `tidings users`.

mod contacts;
mod delete;
mod erase;
mod import;
mod inbox;
mod list;
pub mod password;
mod put;
mod quiet_hours;
mod recover;
pub mod show;
mod update;

use std::time::Duration;

use anyhow::bail;
use tidings_db::user_settings::wait_for_timezone_claims;
use tidings_db::users::TakenFields;
use tidings_db::{Database, DatabaseSettings};
use tidings_domain::notification::UserId;

use crate::output::CommandOutput;
use crate::settings;

/// How long a command waits for claims that have not seen a time zone. They take milliseconds.
const CLAIM_WAIT: Duration = Duration::from_secs(5);

/// The commands for users.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List users
    List(list::Args),
    /// Print a user
    Show(show::Args),
    /// Create a user, or give one another profile
    Put(put::Args),
    /// Change what is given about a user, and keep the rest
    Update(update::Args),
    /// List, set, add and delete where a user is reached
    #[command(subcommand)]
    Contacts(contacts::Command),
    /// Show the in-app notifications of a user, as the user sees them
    Inbox(inbox::Args),
    /// Show the quiet hours of a user, or change them
    QuietHours(quiet_hours::Args),
    /// Set the password of a user, and end the user's sessions
    Password(password::Args),
    /// Request the deletion of a user, who is erased after `DELETION_GRACE_HOURS`
    Delete(delete::Args),
    /// Cancel the deletion of a user, which waits
    Recover(recover::Args),
    /// Begin the erasure of a user at once, beyond `DELETIONS_PER_DAY`
    Erase(erase::Args),
    /// Create and change users by a file
    ///
    /// Each line of the file is a user with the fields id, username, email, locale, timezone and phoneNumbers, of which id
    /// and username are required. A CSV file names them in its first line, and separates phone numbers by blanks. A line
    /// of an NDJSON file is an object. A user who exists gets the profile of the line: what is not given is removed, except
    /// phone numbers.
    ///
    /// Lines that are wrong are named and left out, and the exit code is 1. The command can be stopped at any time, and
    /// repeated: users who have their profile already stay as they are.
    Import(import::Args),
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    match command {
        Command::List(args) => list::run(args).await,
        Command::Show(args) => show::run(args).await,
        Command::Put(args) => put::run(args).await,
        Command::Update(args) => update::run(args).await,
        Command::Contacts(command) => contacts::run(command).await,
        Command::Inbox(args) => inbox::run(args).await,
        Command::QuietHours(args) => quiet_hours::run(args).await,
        Command::Password(args) => password::run(args).await,
        Command::Delete(args) => delete::run(args).await,
        Command::Recover(args) => recover::run(args).await,
        Command::Erase(args) => erase::run(args).await,
        Command::Import(args) => import::run(args).await,
    }
}

fn database() -> anyhow::Result<Database> {
    let settings = settings::read(DatabaseSettings::read)?;
    Ok(Database::new(&settings, "tidings users")?)
}

/// Waits until no delivery begins any more that has not seen the time zones of these users, who are stored.
async fn wait_for_claims(database: &Database, users: &[UserId]) -> anyhow::Result<()> {
    if wait_for_timezone_claims(database, users, CLAIM_WAIT).await? {
        return Ok(());
    }
    bail!(
        "the users are stored, but a worker that does not respond may still decide by the time zone before; repeat the command"
    )
}

/// What other users have: the fields, with what is wrong with them.
fn taken(fields: TakenFields) -> impl Iterator<Item = (&'static str, &'static str)> {
    let username = fields
        .username
        .then_some(("username", "is the name of another user"));
    let email = fields
        .email
        .then_some(("email", "is the address of another user"));
    username.into_iter().chain(email)
}
