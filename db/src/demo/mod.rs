//! Demo data: the users that the documentation's examples speak of.

use tidings_common::notification::UserId;
use uuid::{Uuid, uuid};

use crate::error::DbError;
use crate::pool::Database;
use crate::users::{self, NewUser};

const USERS: [(Uuid, &str, &str); 3] = [
    (
        uuid!("9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a"),
        "testuser",
        "testuser@example.com",
    ),
    (
        uuid!("550e8400-e29b-41d4-a716-446655440001"),
        "user1",
        "user1@example.com",
    ),
    (
        uuid!("550e8400-e29b-41d4-a716-446655440002"),
        "user2",
        "user2@example.com",
    ),
];

/// Makes the demo users that are not there yet. Returns how many were made.
///
/// # Errors
///
/// Those of the queries.
pub async fn seed(database: &Database) -> Result<usize, DbError> {
    let client = database.client().await?;
    let mut made = 0;
    for (id, username, email) in USERS {
        let user = NewUser {
            id: UserId::from(id),
            username,
            email: Some(email),
        };
        made += usize::from(users::insert(&*client, user).await?);
    }
    client.keep();
    Ok(made)
}
