//! The table `contact_codes`, and which contacts are verified.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::error::DbError;
use crate::{GenericClient, Transaction, users};

/// A contact of a user to verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactId {
    /// The e-mail address: `email`.
    Email,
    /// A phone number, by its id.
    PhoneNumber(Uuid),
}

/// The text names no contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be email, or the id of a phone number")]
pub struct InvalidContactId;

impl FromStr for ContactId {
    type Err = InvalidContactId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "email" {
            return Ok(Self::Email);
        }
        let id = Uuid::try_parse(text).map_err(|_| InvalidContactId)?;
        Ok(Self::PhoneNumber(id))
    }
}

impl fmt::Display for ContactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email => f.write_str("email"),
            Self::PhoneNumber(id) => fmt::Display::fmt(id, f),
        }
    }
}

/// From here on, the contacts that the transaction sets are those of a user with a token of its own: they are used once
/// they are verified.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn contacts_of_user(transaction: &Transaction<'_>) -> Result<(), DbError> {
    let statement = transaction
        .prepare_cached("SELECT set_config('tidings.contacts_of_user', 'on', true)")
        .await?;
    transaction.query_one(&statement, &[]).await?;
    Ok(())
}

/// An address with whether it is verified.
#[derive(Clone, PartialEq, Eq)]
pub struct ContactAddress {
    /// An e-mail address, or a phone number.
    pub address: String,
    /// Whether notifications go to it.
    pub is_verified: bool,
}

/// Logs must not contain addresses.
impl fmt::Debug for ContactAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContactAddress")
            .field("is_verified", &self.is_verified)
            .finish_non_exhaustive()
    }
}

/// Finds a contact, and locks its user.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find_contact(
    transaction: &Transaction<'_>,
    user: UserId,
    contact: ContactId,
) -> Result<Option<ContactAddress>, DbError> {
    if !users::lock(transaction, user).await? {
        return Ok(None);
    }
    let row = match contact {
        ContactId::Email => {
            let sql = "SELECT email, email_verified FROM users WHERE id = $1 AND email IS NOT NULL";
            let statement = transaction.prepare_cached(sql).await?;
            transaction
                .query_opt(&statement, &[&user.as_uuid()])
                .await?
        }
        ContactId::PhoneNumber(id) => {
            let sql = "SELECT number, verified FROM phone_numbers WHERE user_id = $1 AND id = $2";
            let statement = transaction.prepare_cached(sql).await?;
            transaction
                .query_opt(&statement, &[&user.as_uuid(), &id])
                .await?
        }
    };
    Ok(row.map(|row| ContactAddress {
        address: row.get(0),
        is_verified: row.get(1),
    }))
}

/// Which contacts of a user are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contacts {
    /// Whether the user has a verified e-mail address.
    pub email_verified: bool,
    /// The phone numbers with their ids, the newest first.
    pub phone_numbers: Vec<(Uuid, ContactAddress)>,
}

/// Lists the contacts of a user. A user that does not exist has none.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(client: &impl GenericClient, user: UserId) -> Result<Contacts, DbError> {
    let email = client
        .prepare_cached("SELECT email_verified AND email IS NOT NULL FROM users WHERE id = $1")
        .await?;
    let email = client.query_opt(&email, &[&user.as_uuid()]).await?;
    let numbers = client
        .prepare_cached(
            "SELECT id, number, verified FROM phone_numbers WHERE user_id = $1 ORDER BY id DESC",
        )
        .await?;
    let numbers = client.query(&numbers, &[&user.as_uuid()]).await?;
    let number = |row: &tokio_postgres::Row| {
        let address = ContactAddress {
            address: row.get(1),
            is_verified: row.get(2),
        };
        (row.get(0), address)
    };
    Ok(Contacts {
        email_verified: email.is_some_and(|row| row.get(0)),
        phone_numbers: numbers.iter().map(number).collect(),
    })
}

/// Marks a contact as verified. Returns whether it was not.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn set_verified(
    client: &impl GenericClient,
    user: UserId,
    contact: ContactId,
) -> Result<bool, DbError> {
    let updated = match contact {
        ContactId::Email => {
            let sql = "UPDATE users SET email_verified = true WHERE id = $1 AND NOT email_verified";
            let statement = client.prepare_cached(sql).await?;
            client.execute(&statement, &[&user.as_uuid()]).await?
        }
        ContactId::PhoneNumber(id) => {
            let sql = "UPDATE phone_numbers SET verified = true
                       WHERE user_id = $1 AND id = $2 AND NOT verified";
            let statement = client.prepare_cached(sql).await?;
            client.execute(&statement, &[&user.as_uuid(), &id]).await?
        }
    };
    Ok(updated == 1)
}

/// A code to insert.
#[derive(Clone, Copy, Debug)]
pub struct NewContactCode<'a> {
    /// Whose contact it is.
    pub user: UserId,
    /// The contact.
    pub contact: ContactId,
    /// Digest of the address.
    pub address: &'a [u8],
    /// Digest of the code.
    pub code: &'a [u8],
    /// How long the code is valid.
    pub lifetime: Duration,
    /// How many codes may be sent to the address in a day, whoever asks for them.
    pub limit: i64,
}

/// The class of the advisory lock of an address; "code" in ASCII.
const ADDRESS_LOCK: i32 = 0x636f_6465;

/// Inserts a code, unless the address has had too many. Returns whether it is inserted. The transaction must be at
/// `READ COMMITTED`, because it counts after it has waited for a lock.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn insert(
    transaction: &Transaction<'_>,
    new: NewContactCode<'_>,
) -> Result<bool, DbError> {
    // Several users may ask for codes to one address.
    let lock = transaction
        .prepare_cached("SELECT pg_advisory_xact_lock($1, hashtext(encode($2, 'hex')))")
        .await?;
    transaction
        .query_one(&lock, &[&ADDRESS_LOCK, &new.address])
        .await?;
    let statement = transaction
        .prepare_cached(
            "INSERT INTO contact_codes (id, user_id, contact, address, code, expires_at)
             SELECT $1::uuid, $2::uuid, $3::text, $4::bytea, $5::bytea, now() + make_interval(secs => $6)
             WHERE (SELECT count(*) FROM contact_codes
                    WHERE address = $4 AND created_at > now() - interval '1 day') < $7",
        )
        .await?;
    let inserted = transaction
        .execute(
            &statement,
            &[
                &Uuid::now_v7(),
                &new.user.as_uuid(),
                &new.contact.to_string(),
                &new.address,
                &new.code,
                &new.lifetime.as_secs_f64(),
                &new.limit,
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Counts a try of the newest code for a contact and address, and returns the code's id and digest. Returns `None` if the
/// code is used or expired, or was tried `max_tries` times.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn try_newest(
    client: &impl GenericClient,
    user: UserId,
    contact: ContactId,
    address: &[u8],
    max_tries: i32,
) -> Result<Option<(Uuid, Vec<u8>)>, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE contact_codes SET tries = tries + 1
             WHERE id = (SELECT id FROM contact_codes WHERE user_id = $1 AND contact = $2 ORDER BY id DESC LIMIT 1)
                   AND address = $3 AND tries < $4 AND used_at IS NULL AND expires_at > now()
             RETURNING id, code",
        )
        .await?;
    let row = client
        .query_opt(
            &statement,
            &[&user.as_uuid(), &contact.to_string(), &address, &max_tries],
        )
        .await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

/// Marks a code as used.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn set_used(client: &impl GenericClient, id: Uuid) -> Result<(), DbError> {
    let statement = client
        .prepare_cached("UPDATE contact_codes SET used_at = now() WHERE id = $1")
        .await?;
    client.execute(&statement, &[&id]).await?;
    Ok(())
}
