use tidings_domain::content::EmailAddress;
use tokio_postgres::types::ToSql;

use super::UserRow;
use super::row::COLUMNS;
use crate::GenericClient;
use crate::error::DbError;
use crate::notifications::IdCursor;
use crate::page::read_page;

/// Selects the users of a page.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Only the user with this address, however the address is stored.
    pub email: Option<EmailAddress>,
    /// Only the user with this name.
    pub username: Option<String>,
}

/// Returns a page of users, ordered by id, the largest first, and the cursor of the next page if there is one. Of users
/// whose ids are UUIDv7, the newest are first.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    filter: &UserFilter,
    after: Option<IdCursor>,
    limit: u32,
) -> Result<(Vec<UserRow>, Option<IdCursor>), DbError> {
    let email = filter.email.as_ref().map(EmailAddress::as_str);
    // Several statements, so that each plan reads one index.
    let email_is = if email.is_some() {
        "normal_email(email) = normal_email($1)"
    } else {
        "$1::text IS NULL"
    };
    let username_is = if filter.username.is_some() {
        "username = $2"
    } else {
        "$2::text IS NULL"
    };
    let query = async |after: Option<&IdCursor>, rows: i64| {
        let after = after.map(|IdCursor(id)| *id);
        let id_is = if after.is_some() {
            "id < $3"
        } else {
            "$3::uuid IS NULL"
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM users WHERE {email_is} AND {username_is} AND {id_is} ORDER BY id DESC LIMIT $4"
        );
        let statement = client.prepare_cached(&sql).await?;
        let parameters: [&(dyn ToSql + Sync); 4] = [&email, &filter.username, &after, &rows];
        Ok(client.query_raw(&statement, parameters).await?)
    };
    read_page(limit, after, query, |row: &UserRow| {
        IdCursor(row.id.as_uuid())
    })
    .await
}
