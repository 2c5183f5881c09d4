use tidings_db::audit::{self, Action, AuditEntry, TargetKind};
use tidings_db::{DbError, LimitedInsert, Transaction, contact_codes};
use uuid::Uuid;

use super::owner::Owner;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::state::AppState;

/// A change of a user's contacts, for the audit log.
#[derive(Clone, Copy, Debug)]
pub struct ContactChange<'a> {
    pub origin: &'a Origin,
    pub caller: &'a Caller,
    pub owner: Owner,
    /// The kind of the contact, such as `phone_number`.
    pub contact: &'static str,
}

impl ContactChange<'_> {
    /// Call this before the change: a contact that a user sets with a token or an API key of its own is used once it is
    /// verified. While accounts are off, nobody can verify a contact.
    pub async fn begin(
        self,
        transaction: &Transaction<'_>,
        state: &AppState,
    ) -> Result<(), DbError> {
        if state.accounts.is_some() && self.caller.is_user(self.owner.0) {
            contact_codes::contacts_of_user(transaction).await?;
        }
        Ok(())
    }

    /// Records that a contact is set, or deleted, unless the user has done this.
    pub async fn record(
        self,
        transaction: &Transaction<'_>,
        action: Action,
        add: impl FnOnce(AuditEntry<'_>) -> AuditEntry<'_>,
    ) -> Result<(), DbError> {
        let Self {
            origin: Origin(origin),
            owner: Owner(user),
            contact,
            ..
        } = self;
        if origin.is_user(user) {
            return Ok(());
        }
        let entry = origin.entry(action).on(TargetKind::User, user);
        audit::record(transaction, &add(entry.with("contact", contact))).await
    }

    /// Records a contact that is added.
    pub async fn record_added<T>(
        self,
        transaction: &Transaction<'_>,
        added: &LimitedInsert<T>,
        id: impl FnOnce(&T) -> Uuid,
    ) -> Result<(), DbError> {
        let LimitedInsert::Inserted(row) = added else {
            return Ok(());
        };
        let id = id(row).to_string();
        self.record(transaction, Action::ContactPut, |entry| {
            entry.with("id", id)
        })
        .await
    }
}
