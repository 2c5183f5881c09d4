//! Who may change the contacts of a user, and which of them count as verified.

use tidings_domain::access::Role;
use tidings_domain::content::PhoneNumber;
use tidings_domain::notification::UserId;

use super::{UserRow, find};
use crate::Transaction;
use crate::error::DbError;
use crate::phone_numbers::distinct;

/// Whose contacts a caller may change: the e-mail address and the phone numbers. A new password goes to the address, so
/// whoever changes it can get the rights of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactRights {
    /// Those of all users.
    All,
    /// Those of users without a role above [`Role::User`].
    WithoutRole,
}

impl ContactRights {
    /// Whether these rights include the contacts of a user.
    fn include(self, user: &UserRow) -> bool {
        self == Self::All || user.role == Role::User
    }

    /// Whether a user may get these contacts. `None` leaves the numbers as they are.
    pub(super) fn allow(
        self,
        before: &UserRow,
        email: Option<&str>,
        numbers: Option<&[PhoneNumber]>,
    ) -> bool {
        let same_email = before.email.as_deref() == email;
        let same_numbers = || numbers.is_none_or(|new| distinct(new) == before.phone_numbers);
        self.include(before) || (same_email && same_numbers())
    }

    /// Verifies the contacts of a user that the caller has stated, unless the transaction sets contacts of a user with a
    /// credential of its own. Returns the user after the change.
    pub(super) async fn confirm(
        self,
        transaction: &Transaction<'_>,
        row: UserRow,
        stated: Stated,
    ) -> Result<UserRow, DbError> {
        if !self.include(&row) {
            return Ok(row);
        }
        let mut row = row;
        let id = row.id.as_uuid();
        if stated.email && row.email.is_some() && !row.email_verified {
            let statement = transaction
                .prepare_cached(
                    "UPDATE users SET email_verified = true WHERE id = $1 AND contact_is_trusted()",
                )
                .await?;
            row.email_verified = transaction.execute(&statement, &[&id]).await? > 0;
        }
        if stated.phone_numbers && !row.numbers_verified {
            let statement = transaction
                .prepare_cached(
                    "UPDATE phone_numbers SET verified = true
                     WHERE user_id = $1 AND NOT verified AND contact_is_trusted()",
                )
                .await?;
            row.numbers_verified = transaction.execute(&statement, &[&id]).await? > 0;
        }
        Ok(row)
    }
}

/// Whether a caller with `rights` may delete a user; true for one that does not exist. The transaction must be at
/// `SERIALIZABLE` and change the user: a role that the user gets meanwhile then makes it fail.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn may_write(
    transaction: &Transaction<'_>,
    user: UserId,
    rights: ContactRights,
) -> Result<bool, DbError> {
    let row = find(transaction, user).await?;
    Ok(row.is_none_or(|row| rights.include(&row)))
}

/// Which contacts a request states.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stated {
    pub(super) email: bool,
    pub(super) phone_numbers: bool,
}
