//! The link in recovery e-mails: it names a deletion and is signed with a key of that deletion.
//!
//! Every program can request a deletion, and none of their secrets is common to all of them. So the key is random, and in the
//! row of the deletion. Whoever reads the table could read the e-mail, too: the link is in its payload until it is sent.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::row::{COLUMNS, DeletionRow};
use crate::error::DbError;
use crate::{GenericClient, Transaction};

/// The first byte of a link. Another form has another version.
const VERSION: u8 = 1;

/// The length of a signature: HMAC-SHA-256, cut.
const TAG: usize = 16;

/// The version, the id and the signature.
const LEN: usize = 1 + 16 + TAG;

/// The signed part of a link. A secret: whoever has it can cancel the deletion.
#[derive(Clone, Copy)]
pub struct RecoveryLink([u8; LEN]);

/// The text is no signed part of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no link to cancel a deletion")]
pub struct InvalidRecoveryLink;

impl RecoveryLink {
    /// Signs a link to a deletion.
    fn sign(deletion: Uuid, key: &[u8]) -> Self {
        let mut link = [0; LEN];
        link[0] = VERSION;
        link[1..17].copy_from_slice(deletion.as_bytes());
        let tag = tag(&link[..17], key);
        link[17..].copy_from_slice(&tag);
        Self(link)
    }

    /// Whether `key` has signed the link. The time does not depend on where the signatures differ.
    fn is_signed_with(&self, key: &[u8]) -> bool {
        verify_slices_are_equal(&tag(&self.0[..17], key), &self.0[17..]).is_ok()
    }

    fn deletion(&self) -> Uuid {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0[1..17]);
        Uuid::from_bytes(id)
    }

    /// The text of the link.
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// Logs must not contain links.
impl fmt::Debug for RecoveryLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryLink").finish_non_exhaustive()
    }
}

impl FromStr for RecoveryLink {
    type Err = InvalidRecoveryLink;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut link = [0; LEN];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut link) {
            Ok(LEN) if link[0] == VERSION => Ok(Self(link)),
            _ => Err(InvalidRecoveryLink),
        }
    }
}

fn tag(signed: &[u8], key: &[u8]) -> [u8; TAG] {
    let mut context = hmac::Context::with_key(&Key::new(HMAC_SHA256, key));
    context.update(b"tidings recover\0");
    context.update(signed);
    let mut tag = [0; TAG];
    tag.copy_from_slice(&context.sign().as_ref()[..TAG]);
    tag
}

/// Returns the link to a deletion. Generates the key of the deletion if it has none.
///
/// # Errors
///
/// Returns the error of the query.
pub(super) async fn link_to(
    transaction: &Transaction<'_>,
    deletion: Uuid,
) -> Result<RecoveryLink, DbError> {
    // Two random UUIDs have 244 random bits.
    let statement = transaction
        .prepare_cached(
            "UPDATE user_deletions
             SET link_key = coalesce(link_key, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
             WHERE id = $1 RETURNING link_key",
        )
        .await?;
    let row = transaction.query_one(&statement, &[&deletion]).await?;
    let key: &[u8] = row.get(0);
    Ok(RecoveryLink::sign(deletion, key))
}

/// The deletion that a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedDeletion {
    /// The deletion.
    pub deletion: DeletionRow,
    /// The language of the user.
    pub locale: Option<String>,
    /// Whether it was cancelled, and another deletion of the user was requested later.
    pub is_outdated: bool,
}

/// Finds the deletion that a link leads to, however far it is. Returns `None` if the link is not signed.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find_by_link(
    client: &impl GenericClient,
    link: &RecoveryLink,
) -> Result<Option<LinkedDeletion>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS}, link_key, locale, coalesce(deletion_id <> deletion.id, false) AS is_outdated
         FROM (SELECT {COLUMNS}, link_key FROM user_deletions WHERE id = $1 AND link_key IS NOT NULL) AS deletion
              LEFT JOIN (SELECT id AS target_id, locale, deletion_id FROM users) AS target ON target_id = user_id"
    );
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&link.deletion()]).await?;
    Ok(row
        .filter(|row| link.is_signed_with(row.get("link_key")))
        .map(|row| LinkedDeletion {
            deletion: DeletionRow::from(&row),
            locale: row.get("locale"),
            is_outdated: row.get("is_outdated"),
        }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_the_key_of_the_deletion_signs_a_link(id: u128, key: [u8; 32], bit in 8..LEN * 8) {
            let link = RecoveryLink::sign(Uuid::from_u128(id), &key);
            let text = link.to_text();
            let read: RecoveryLink = text.parse().expect("a link");
            prop_assert_eq!(read.deletion(), Uuid::from_u128(id));
            prop_assert!(read.is_signed_with(&key));
            let mut other_key = key;
            other_key[0] ^= 1;
            prop_assert!(!read.is_signed_with(&other_key));
            let mut changed = link;
            changed.0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!changed.is_signed_with(&key));
            let shown = format!("{link:?}");
            prop_assert!(!shown.contains(&text));
        }

        #[test]
        fn other_texts_are_no_links(text in ".{0,60}") {
            prop_assert!(text.parse::<RecoveryLink>().is_err());
        }
    }
}
