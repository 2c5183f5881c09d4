//! `tidings users contacts delete`.

use std::str::FromStr;

use anyhow::bail;
use serde_json::json;
use tidings_db::audit::{Action, AuditOrigin};
use tidings_db::users::{self, SetEmailResult};
use tidings_db::{
    Database, DbError, Transaction, TransactionOptions, device_tokens, phone_numbers,
};
use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::ContactChange;
use crate::operator::operator;
use crate::output::CommandOutput;

/// A contact of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// The e-mail address.
    Email,
    /// A phone number or a device.
    Id(Uuid),
}

/// The text names no contact.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "must be `email`, or the id of a phone number or a device, as `users contacts list` shows it"
)]
pub struct NoContact;

impl FromStr for Contact {
    type Err = NoContact;

    fn from_str(text: &str) -> Result<Self, NoContact> {
        match text {
            "email" => Ok(Self::Email),
            id => id.parse().map(Self::Id).map_err(|_| NoContact),
        }
    }
}

/// Deletes a contact of a user.
pub async fn run(
    database: &Database,
    user: UserId,
    contact: Contact,
) -> anyhow::Result<CommandOutput> {
    let origin = operator();
    let deleted = database
        .transaction(
            TransactionOptions::default(),
            async |transaction| match contact {
                Contact::Email => delete_email(transaction, &origin, user).await,
                Contact::Id(id) => delete_by_id(transaction, &origin, user, id).await,
            },
        )
        .await?;
    let (name, what) = match contact {
        Contact::Email => ("email".to_owned(), "e-mail address"),
        Contact::Id(id) => (id.to_string(), "contact with this id"),
    };
    if !deleted {
        bail!("the user has no {what}: see `tidings users contacts list`");
    }
    CommandOutput::new("The contact is deleted.\n", json!({ "deleted": name }))
}

/// Returns whether the user had an address.
async fn delete_email(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    user: UserId,
) -> Result<bool, DbError> {
    let address = users::email(transaction, user).await?;
    if address.and_then(users::UserEmail::into_address).is_none() {
        return Ok(false);
    }
    let set = users::set_email(transaction, user, None).await?;
    let is_deleted = set == SetEmailResult::Updated;
    if is_deleted {
        let change = ContactChange {
            origin,
            user,
            contact: "email",
        };
        change
            .record(transaction, Action::ContactDelete, None)
            .await?;
    }
    Ok(is_deleted)
}

/// Returns whether the user had the contact.
async fn delete_by_id(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    user: UserId,
    id: Uuid,
) -> Result<bool, DbError> {
    let contact = if phone_numbers::delete(transaction, user, id).await? {
        "phone_number"
    } else if device_tokens::delete(transaction, user, id).await? {
        "device_token"
    } else {
        return Ok(false);
    };
    let change = ContactChange {
        origin,
        user,
        contact,
    };
    let id = id.to_string();
    change
        .record(transaction, Action::ContactDelete, Some(("id", &id)))
        .await?;
    Ok(true)
}
