use tidings_domain::notification::UserId;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::UserProfile;
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
    let taken = taken_values(
        client,
        &[user.as_uuid()],
        &[values.username],
        &[values.email],
    )
    .await?;
    Ok(taken.into_iter().next().unwrap_or_default())
}

/// Like [`taken`], for many users: a result for each.
pub(super) async fn taken_all(
    client: &impl GenericClient,
    users: &[(UserId, &UserProfile)],
) -> Result<Vec<TakenFields>, DbError> {
    let ids: Vec<Uuid> = users.iter().map(|(id, _)| id.as_uuid()).collect();
    let values = users
        .iter()
        .map(|(_, profile)| UserValues::of_profile(profile));
    let (names, emails): (Vec<&str>, Vec<Option<&str>>) =
        values.map(|values| (values.username, values.email)).unzip();
    taken_values(client, &ids, &names, &emails).await
}

async fn taken_values(
    client: &impl GenericClient,
    ids: &[Uuid],
    usernames: &[&str],
    emails: &[Option<&str>],
) -> Result<Vec<TakenFields>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT EXISTS (SELECT FROM users WHERE username = wanted.username AND id <> wanted.id),
                    EXISTS (SELECT FROM users
                            WHERE normal_email(email) = normal_email(wanted.email) AND id <> wanted.id)
             FROM unnest($1::uuid[], $2::text[], $3::text[])
                 WITH ORDINALITY AS wanted (id, username, email, place)
             ORDER BY place",
        )
        .await?;
    let rows = client
        .query(&statement, &[&ids, &usernames, &emails])
        .await?;
    let fields = rows.iter().map(|row| TakenFields {
        username: row.get(0),
        email: row.get(1),
    });
    Ok(fields.collect())
}
