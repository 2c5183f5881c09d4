//! The users that a measurement sends to.

use tidings_db::users::{self, NewUser};
use tidings_db::{Database, DbError};
use tidings_domain::notification::UserId;
use uuid::Uuid;

/// Number of users. With a single user, every batch would lock the same row.
const USERS: usize = 100;

/// Users that exist only for one measurement: every notification that they have is from it.
#[derive(Clone, Debug)]
pub struct TestUsers(Vec<UserId>);

impl TestUsers {
    /// Inserts the users.
    ///
    /// # Errors
    ///
    /// Returns an error if PostgreSQL is unavailable.
    pub async fn create(database: &Database) -> Result<Self, DbError> {
        let client = database.client().await?;
        let mut ids = Vec::with_capacity(USERS);
        for _ in 0..USERS {
            let id = UserId::from(Uuid::now_v7());
            let user = NewUser {
                id,
                username: &format!("tidings-bench-{id}"),
                email: None,
            };
            users::insert(&*client, user).await?;
            ids.push(id);
        }
        client.keep();
        Ok(Self(ids))
    }

    /// The ids of the users.
    #[must_use]
    pub fn ids(&self) -> &[UserId] {
        &self.0
    }

    /// Deletes the users and their notifications.
    ///
    /// # Errors
    ///
    /// Returns an error if PostgreSQL is unavailable.
    pub async fn delete(self, database: &Database) -> Result<(), DbError> {
        let client = database.client().await?;
        for id in self.0 {
            users::delete(&*client, id).await?;
        }
        client.keep();
        Ok(())
    }
}
