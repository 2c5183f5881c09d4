use tidings_db::users::{self, NewUser};
use tidings_db::{Database, DbError};
use tidings_domain::notification::UserId;
use uuid::Uuid;

/// How many users a measurement has. One alone would have every batch lock the same row.
const USERS: usize = 100;

/// Users of a measurement's own: whatever they have in the database, it has caused.
#[derive(Clone, Debug)]
pub struct People(Vec<UserId>);

impl People {
    /// Makes them.
    ///
    /// # Errors
    ///
    /// Where PostgreSQL is away.
    pub async fn make(database: &Database) -> Result<Self, DbError> {
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

    /// Their ids.
    #[must_use]
    pub fn ids(&self) -> &[UserId] {
        &self.0
    }

    /// Deletes them, and their notifications with them.
    ///
    /// # Errors
    ///
    /// Where PostgreSQL is away.
    pub async fn delete(self, database: &Database) -> Result<(), DbError> {
        let client = database.client().await?;
        for id in self.0 {
            users::delete(&*client, id).await?;
        }
        client.keep();
        Ok(())
    }
}
