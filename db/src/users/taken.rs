use tidings_domain::notification::UserId;
use tokio_postgres::error::SqlState;

use super::profile::UserValues;
use crate::GenericClient;
use crate::error::DbError;

/// What other users have already: at least one of the fields is `true`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenFields {
    /// Another user has the name.
    pub username: bool,
    /// Another user has the address, in this or another spelling.
    pub email: bool,
}

impl TakenFields {
    pub(super) const fn is_any(self) -> bool {
        self.username || self.email
    }
}

/// A field that is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unique {
    Username,
    Email,
}

impl Unique {
    /// The field that another user has, if the error says so.
    pub(super) fn violated(error: &tokio_postgres::Error) -> Option<Self> {
        let error = error.as_db_error()?;
        if *error.code() != SqlState::UNIQUE_VIOLATION {
            return None;
        }
        match error.constraint()? {
            "users_username_key" => Some(Self::Username),
            "users_email_key" | "users_email_normal_key" => Some(Self::Email),
            _ => None,
        }
    }
}

impl From<Unique> for TakenFields {
    fn from(field: Unique) -> Self {
        Self {
            username: field == Unique::Username,
            email: field == Unique::Email,
        }
    }
}

/// Returns which values users other than `user` have.
pub(super) async fn taken(
    client: &impl GenericClient,
    user: UserId,
    values: UserValues<'_>,
) -> Result<TakenFields, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT coalesce(bool_or(username = $2), false),
                    coalesce(bool_or(normal_email(email) = normal_email($3)), false)
             FROM users WHERE id <> $1 AND (username = $2 OR normal_email(email) = normal_email($3))",
        )
        .await?;
    let row = client
        .query_one(
            &statement,
            &[&user.as_uuid(), &values.username, &values.email],
        )
        .await?;
    Ok(TakenFields {
        username: row.get(0),
        email: row.get(1),
    })
}
