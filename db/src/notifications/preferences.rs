//! Whether recipients want their notifications, in SQL: for all rows of a batch in one statement.
//!
//! The rules are those of [`Choices::effective`](tidings_domain::preference::Choices::effective).

use std::collections::HashSet;

use tidings_domain::notification::{Channel, MessageId};
use tidings_domain::preference::AddressHash;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// An expression: whether the user of the row of `table` does not want the notification. For a row without a user it is what
/// the category says about recipients who have chosen nothing.
///
/// An index finds the choices, and for rows without a category nothing else is looked up.
pub(crate) fn user_refuses(table: &str) -> String {
    refuses(table, "preferences", "user_id")
}

/// Like [`user_refuses`], for a row without a user whose recipient has an address with the hash `address_hash`.
pub(super) fn address_refuses(table: &str) -> String {
    refuses(table, "address_preferences", "address_hash")
}

/// A choice about all marketing stands for the one about each marketing category, unless there is one about the category for
/// the same channels.
///
/// Most rows have no category and recipients who have chosen nothing. For these, one look into the index is enough. It is not an
/// EXISTS: PostgreSQL may read all choices to answer that, and keeps such a plan of a table that was small.
fn refuses(table: &str, choices: &str, recipient: &str) -> String {
    format!(
        "(({table}.category IS NOT NULL
           OR (SELECT true FROM {choices} AS one WHERE one.{recipient} = {table}.{recipient} LIMIT 1) IS NOT NULL)
          AND coalesce(
             (SELECT CASE WHEN kind = 'critical' THEN false
                          WHEN refused OR kind = 'marketing' AND marketing_refused THEN true
                          WHEN wanted OR kind = 'marketing' AND marketing_wanted THEN false
                          ELSE defaults -> {table}.type = 'false' END
              FROM (SELECT bool_or(NOT enabled AND choice.category <> '*marketing') AS refused,
                           bool_or(NOT enabled AND choice.category = '*marketing') AS marketing_refused,
                           bool_or(enabled AND choice.category NOT IN ('*', '*marketing')) AS wanted,
                           bool_or(enabled AND choice.category = '*marketing') AS marketing_wanted
                    FROM {choices} AS choice
                    WHERE choice.{recipient} = {table}.{recipient}
                          AND choice.category IN ({table}.category, '*', '*marketing')
                          AND choice.channel IN ({table}.type, '*')
                          AND (choice.category <> '*marketing'
                               OR NOT EXISTS (SELECT FROM {choices} AS own
                                              WHERE own.{recipient} = choice.{recipient}
                                                    AND own.category = {table}.category
                                                    AND own.channel = choice.channel))) AS chosen
                   LEFT JOIN categories ON categories.name = {table}.category), false))"
    )
}

/// A notification without a user.
pub(super) struct AddressedNotification<'a> {
    pub(super) id: MessageId,
    pub(super) channel: Channel,
    pub(super) category: Option<&'a str>,
    /// `None` if the recipient has no address that preferences are known by.
    pub(super) address: Option<AddressHash>,
}

/// Returns the notifications whose recipients do not want them.
pub(super) async fn refused_by_addresses(
    client: &impl GenericClient,
    notifications: &[AddressedNotification<'_>],
) -> Result<HashSet<MessageId>, DbError> {
    if notifications.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = format!(
        "SELECT id FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[])
                        AS addressed (id, type, category, address_hash)
         WHERE {}",
        address_refuses("addressed")
    );
    let statement = client.prepare_cached(&sql).await?;
    let all = notifications.iter();
    let ids: Vec<Uuid> = all.clone().map(|one| one.id.as_uuid()).collect();
    let channels: Vec<&str> = all.clone().map(|one| one.channel.as_str()).collect();
    let categories: Vec<Option<&str>> = all.clone().map(|one| one.category).collect();
    let hashes: Vec<Option<&[u8]>> = all
        .map(|one| one.address.as_ref().map(|hash| hash.as_bytes().as_slice()))
        .collect();
    let rows = client
        .query(&statement, &[&ids, &channels, &categories, &hashes])
        .await?;
    Ok(rows
        .iter()
        .map(|row| MessageId::from(row.get::<_, Uuid>(0)))
        .collect())
}
