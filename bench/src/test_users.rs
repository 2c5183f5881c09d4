//! The users that a measurement sends to.

use tidings_db::users::{self, NewUser};
use tidings_db::{Database, DbError, inbox};
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
        let ids: Vec<UserId> = (0..USERS).map(|_| Uuid::now_v7().into()).collect();
        database
            .run(async |client| {
                for id in &ids {
                    let user = NewUser {
                        id: *id,
                        username: &format!("tidings-bench-{id}"),
                        email: None,
                    };
                    users::insert(client, user).await?;
                }
                Ok(())
            })
            .await?;
        Ok(Self(ids))
    }

    /// Inserts this many users.
    ///
    /// # Errors
    ///
    /// Returns an error if PostgreSQL is unavailable.
    pub async fn create_many(database: &Database, count: u32) -> Result<Self, DbError> {
        let ids = database.run(async |client| inbox::bench::insert_users(client, count).await);
        Ok(Self(ids.await?))
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
        for id in self.0 {
            database
                .run(async |client| users::delete(client, id).await)
                .await?;
        }
        Ok(())
    }
}
