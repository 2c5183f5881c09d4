//! `tidings users contacts set-email`, `add-phone` and `add-device`.

use anyhow::bail;
use serde_json::{Value, json};
use tidings_db::audit::Action;
use tidings_db::users::{self, SetEmailResult};
use tidings_db::{Database, LimitedInsert, TransactionOptions, device_tokens, phone_numbers};
use tidings_domain::content::{DeviceToken, EmailAddress, PhoneNumber};
use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::{ContactChange, list};
use crate::operator::operator;
use crate::output::CommandOutput;

/// Sets the e-mail address of a user.
pub async fn email(
    database: &Database,
    user: UserId,
    address: &EmailAddress,
) -> anyhow::Result<CommandOutput> {
    let origin = operator();
    let change = ContactChange {
        origin: &origin,
        user,
        contact: "email",
    };
    let set = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let set = users::set_email(transaction, user, Some(address)).await?;
            if set == SetEmailResult::Updated {
                let detail = Some(("email", address.as_str()));
                change
                    .record(transaction, Action::ContactPut, detail)
                    .await?;
            }
            Ok(set)
        })
        .await?;
    match set {
        SetEmailResult::Updated => CommandOutput::new(
            format!("{} is the e-mail address of the user.\n", address.as_str()),
            json!({ "email": address.as_str() }),
        ),
        SetEmailResult::AddressTaken => bail!("another user has this e-mail address"),
        SetEmailResult::UnknownUser => bail!("there is no user {user}"),
    }
}

/// Adds a phone number to a user.
pub async fn phone_number(
    database: &Database,
    user: UserId,
    number: &PhoneNumber,
) -> anyhow::Result<CommandOutput> {
    let origin = operator();
    let change = ContactChange {
        origin: &origin,
        user,
        contact: "phone_number",
    };
    let added = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let added = phone_numbers::insert(transaction, user, number).await?;
            change
                .record_added(transaction, &added, |row| row.id)
                .await?;
            Ok(added)
        })
        .await?;
    let added = added.map(|row| (row.id, list::number(&row)));
    shown(user, added, "phone number", phone_numbers::MAX_PER_USER)
}

/// Adds a device to a user, or renames one.
pub async fn device(
    database: &Database,
    user: UserId,
    token: &DeviceToken,
    name: Option<&str>,
) -> anyhow::Result<CommandOutput> {
    let origin = operator();
    let change = ContactChange {
        origin: &origin,
        user,
        contact: "device_token",
    };
    let added = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let added = device_tokens::upsert(transaction, user, token, name).await?;
            change
                .record_added(transaction, &added, |row| row.id)
                .await?;
            Ok(added)
        })
        .await?;
    let added = added.map(|row| (row.id, list::device(&row)));
    shown(user, added, "device", device_tokens::MAX_PER_USER)
}

fn shown(
    user: UserId,
    added: LimitedInsert<(Uuid, Value)>,
    kind: &str,
    max: i64,
) -> anyhow::Result<CommandOutput> {
    match added {
        LimitedInsert::Inserted((id, json)) => {
            CommandOutput::new(format!("The {kind} is added: {id}.\n"), json)
        }
        LimitedInsert::Existing((id, json)) => {
            CommandOutput::new(format!("The user has the {kind} already: {id}.\n"), json)
        }
        LimitedInsert::LimitReached => {
            bail!("a user has at most {max} {kind}s; delete one first")
        }
        LimitedInsert::UnknownUser => bail!("there is no user {user}"),
    }
}
