//! Tells users who have a password what others, or somebody with their token, do to their accounts. Does nothing while accounts
//! are off.

use std::collections::HashMap;

use tidings_db::users::{self, AccountEmail};
use tidings_db::{DbError, Transaction};
use tidings_domain::access::ApiKeyId;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::notices::{self, Notice};
use super::{AccountsState, ClientInfo};

/// Who makes a change.
#[derive(Clone, Copy, Debug)]
pub struct Changer<'a> {
    /// The client.
    pub client: &'a ClientInfo,
    /// The user, if the client has a token of a login. A notice says nothing about the client of somebody else.
    pub user: Option<UserId>,
}

impl Changer<'_> {
    fn client_for(self, user: UserId) -> ClientInfo {
        if self.user == Some(user) {
            return self.client.clone();
        }
        ClientInfo {
            ip: None,
            user_agent: None,
            request_id: self.client.request_id.clone(),
        }
    }
}

/// The addresses of users before a change. Read in the transaction of the change.
#[derive(Debug)]
pub struct AddressesBefore<'a> {
    accounts: Option<&'a AccountsState>,
    users: HashMap<UserId, AccountEmail>,
}

impl<'a> AddressesBefore<'a> {
    /// Reads the addresses.
    ///
    /// # Errors
    ///
    /// Returns the error of the query.
    pub async fn read(
        transaction: &Transaction<'_>,
        accounts: Option<&'a AccountsState>,
        ids: &[UserId],
    ) -> Result<Self, DbError> {
        let users = match accounts {
            Some(_) => users::account_emails(transaction, ids).await?,
            None => HashMap::new(),
        };
        Ok(Self { accounts, users })
    }

    /// After the change: tells the users who have another address, by both addresses.
    ///
    /// # Errors
    ///
    /// Returns the error of the query.
    pub async fn tell(
        self,
        transaction: &Transaction<'_>,
        changer: Changer<'_>,
    ) -> Result<(), DbError> {
        let Some(state) = self.accounts.filter(|_| !self.users.is_empty()) else {
            return Ok(());
        };
        let ids: Vec<UserId> = self.users.keys().copied().collect();
        let after = users::account_emails(transaction, &ids).await?;
        for (user, before) in &self.users {
            let is_changed = after.get(user).is_some_and(|now| !is_same(before, now));
            if !is_changed {
                continue;
            }
            let (cause, client) = (Uuid::now_v7(), changer.client_for(*user));
            notices::record_at_old_address(transaction, state, *user, before, cause, &client)
                .await?;
            let notice = Notice::EmailChanged;
            notices::record(transaction, state, *user, cause, notice, &client).await?;
        }
        Ok(())
    }
}

fn is_same(one: &AccountEmail, other: &AccountEmail) -> bool {
    match (&one.email, &other.email) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// Tells the user of a new API key, and the user who has made it.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn tell_of_key(
    transaction: &Transaction<'_>,
    accounts: Option<&AccountsState>,
    key: &ApiKeyId,
    owner: Option<UserId>,
    changer: Changer<'_>,
) -> Result<(), DbError> {
    let Some(state) = accounts else { return Ok(()) };
    let ids: Vec<UserId> = [owner, changer.user].into_iter().flatten().collect();
    for user in users::account_emails(transaction, &ids).await?.into_keys() {
        let cause = Uuid::new_v5(&user.as_uuid(), key.to_string().as_bytes());
        let client = changer.client_for(user);
        notices::record(transaction, state, user, cause, Notice::KeyCreated, &client).await?;
    }
    Ok(())
}
