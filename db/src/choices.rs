//! What the tables `preferences` and `address_preferences` have in common: choices of one recipient.

use tidings_domain::notification::UserId;
use tidings_domain::preference::{AddressHash, NewChoice, PreferenceSource, Recipient};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::error::DbError;
use crate::{GenericClient, Transaction};

/// The recipient whose choices a statement reads or writes: the table, and the value of its key.
#[derive(Debug)]
pub(crate) enum ChoicesOf {
    /// Rows of `preferences`.
    User(Uuid),
    /// Rows of `address_preferences`.
    Address(Vec<u8>),
}

impl ChoicesOf {
    /// The table.
    pub(crate) const fn table(&self) -> &'static str {
        match self {
            Self::User(_) => "preferences",
            Self::Address(_) => "address_preferences",
        }
    }

    /// The column that names the recipient.
    pub(crate) const fn column(&self) -> &'static str {
        match self {
            Self::User(_) => "user_id",
            Self::Address(_) => "address_hash",
        }
    }

    /// The value of the column.
    pub(crate) const fn key(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::User(id) => id,
            Self::Address(hash) => hash,
        }
    }
}

impl From<UserId> for ChoicesOf {
    fn from(user: UserId) -> Self {
        Self::User(user.as_uuid())
    }
}

impl From<AddressHash> for ChoicesOf {
    fn from(address: AddressHash) -> Self {
        Self::Address(address.as_bytes().to_vec())
    }
}

impl From<Recipient> for ChoicesOf {
    fn from(recipient: Recipient) -> Self {
        match recipient {
            Recipient::User(user) => user.into(),
            Recipient::Address(address) => address.into(),
        }
    }
}

/// Makes choices of a recipient, or takes them back. Of two choices about the same, the last one counts. Returns how often
/// something has changed.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub(crate) async fn set(
    transaction: &Transaction<'_>,
    recipient: &ChoicesOf,
    choices: &[NewChoice],
    source: PreferenceSource,
) -> Result<u64, DbError> {
    let (table, column, key) = (recipient.table(), recipient.column(), recipient.key());
    let put = format!(
        "INSERT INTO {table} ({column}, category, channel, enabled, source) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT ({column}, category, channel) DO UPDATE
         SET enabled = excluded.enabled, source = excluded.source, updated_at = now()
         WHERE {table}.enabled <> excluded.enabled"
    );
    let put = transaction.prepare_cached(&put).await?;
    let reset =
        format!("DELETE FROM {table} WHERE {column} = $1 AND category = $2 AND channel = $3");
    let reset = transaction.prepare_cached(&reset).await?;
    let mut changed = 0;
    for choice in choices {
        let (category, channel) = (choice.category.as_str(), choice.channel.as_str());
        changed += if let Some(enabled) = choice.enabled {
            let source = source.as_str();
            let values: [&(dyn ToSql + Sync); 5] = [key, &category, &channel, &enabled, &source];
            transaction.execute(&put, &values).await?
        } else {
            let values: [&(dyn ToSql + Sync); 3] = [key, &category, &channel];
            transaction.execute(&reset, &values).await?
        };
    }
    Ok(changed)
}
