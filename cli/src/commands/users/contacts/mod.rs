//! `tidings users contacts`: the addresses for notifications without an address. Works with the rights of an administrator.

mod add;
mod delete;
mod list;

use anyhow::bail;
use tidings_db::audit::{self, Action, AuditOrigin, TargetKind};
use tidings_db::users::UserRow;
use tidings_db::{Database, DbError, LimitedInsert, Transaction, device_tokens};
use tidings_domain::content::{DeviceToken, EmailAddress, PhoneNumber};
use tidings_domain::notification::UserId;
use tidings_requests::values;
use uuid::Uuid;

use super::{database, show};
use crate::output::{CommandOutput, printable};

/// The commands for contacts. `USER` is the id, the e-mail address or the name of a user.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the e-mail address, the phone numbers and the devices of a user
    List {
        /// The id, the e-mail address or the name of the user
        #[arg(value_name = "USER")]
        user: String,
    },
    /// Set the e-mail address of a user
    SetEmail {
        /// The id, the e-mail address or the name of the user
        #[arg(value_name = "USER")]
        user: String,
        /// The address, which no other user may have
        #[arg(value_name = "ADDRESS")]
        address: EmailAddress,
    },
    /// Add a phone number to a user. Text messages go to the number that was added last
    AddPhone {
        /// The id, the e-mail address or the name of the user
        #[arg(value_name = "USER")]
        user: String,
        /// The number, such as +436601234567
        #[arg(value_name = "NUMBER")]
        number: PhoneNumber,
    },
    /// Add a device to a user, or rename one. Push messages go to all devices
    ///
    /// A device belongs to one user: if another user had it, it is taken from that user.
    AddDevice {
        /// The id, the e-mail address or the name of the user
        #[arg(value_name = "USER")]
        user: String,
        /// The push service's token for the app on this device
        #[arg(value_name = "TOKEN")]
        token: DeviceToken,
        /// The user's name for the device
        #[arg(long, value_parser = device_name)]
        name: Option<String>,
    },
    /// Delete a contact of a user: nothing is sent to it from now on
    Delete {
        /// The id, the e-mail address or the name of the user
        #[arg(value_name = "USER")]
        user: String,
        /// The id of a phone number or a device, or `email`
        #[arg(value_name = "CONTACT")]
        contact: delete::Contact,
    },
}

fn device_name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err(format!(
            "must have 1 to {} characters",
            device_tokens::MAX_NAME
        ));
    }
    values::check_line(text.to_owned(), device_tokens::MAX_NAME)
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    let database = database()?;
    match command {
        Command::List { user } => {
            let user = find(&database, &user).await?;
            list::run(&database, user.id).await
        }
        Command::SetEmail { user, address } => {
            let user = find(&database, &user).await?;
            add::email(&database, user.id, &address).await
        }
        Command::AddPhone { user, number } => {
            let user = find(&database, &user).await?;
            add::phone_number(&database, user.id, &number).await
        }
        Command::AddDevice { user, token, name } => {
            let user = find(&database, &user).await?;
            add::device(&database, user.id, &token, name.as_deref()).await
        }
        Command::Delete { user, contact } => {
            let user = find(&database, &user).await?;
            delete::run(&database, user.id, contact).await
        }
    }
}

async fn find(database: &Database, user: &str) -> anyhow::Result<UserRow> {
    match show::find(database, user).await? {
        Some(row) => Ok(row),
        None => bail!("there is no user {}", printable(user)),
    }
}

/// A change of a contact, for the audit log.
#[derive(Clone, Copy, Debug)]
struct ContactChange<'a> {
    origin: &'a AuditOrigin,
    user: UserId,
    /// The kind of the contact, such as `phone_number`.
    contact: &'static str,
}

impl ContactChange<'_> {
    /// Writes the entry, like the API.
    async fn record(
        self,
        transaction: &Transaction<'_>,
        action: Action,
        detail: Option<(&str, &str)>,
    ) -> Result<(), DbError> {
        let entry = self.origin.entry(action).on(TargetKind::User, self.user);
        let mut entry = entry.with("contact", self.contact);
        if let Some((name, value)) = detail {
            entry = entry.with(name, value);
        }
        audit::record(transaction, &entry).await
    }

    /// Writes the entry of a contact that is added.
    async fn record_added<T>(
        self,
        transaction: &Transaction<'_>,
        added: &LimitedInsert<T>,
        id: impl FnOnce(&T) -> Uuid,
    ) -> Result<(), DbError> {
        let LimitedInsert::Inserted(row) = added else {
            return Ok(());
        };
        let id = id(row).to_string();
        self.record(transaction, Action::ContactPut, Some(("id", &id)))
            .await
    }
}
