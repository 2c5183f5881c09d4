//! `tidings users show`, and how a user is printed.

use anyhow::bail;
use serde_json::{Value, json};
use tidings_db::Database;
use tidings_db::users::{self, UserFilter, UserRow};
use tidings_domain::content::EmailAddress;
use tidings_domain::notification::UserId;

use super::database;
use crate::output::{CommandOutput, Text, printable, table};

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id, the e-mail address or the name of the user
    #[arg(value_name = "USER")]
    user: String,
}

/// Prints a user.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let database = database()?;
    let Args { user } = args;
    match find(&database, &user).await? {
        Some(row) => CommandOutput::new(text(&row), json(&row)),
        None => bail!("there is no user {}", printable(&user)),
    }
}

/// Finds the user with this id, e-mail address or name.
pub async fn find(database: &Database, user: &str) -> anyhow::Result<Option<UserRow>> {
    if let Ok(id) = user.parse::<UserId>() {
        let found = database.run(async |client| users::find(client, id).await);
        return Ok(found.await?);
    }
    if let Ok(email) = user.parse::<EmailAddress>() {
        let found = database.run(async |client| users::find_by_email(client, &email).await);
        return Ok(found.await?);
    }
    let filter = UserFilter {
        username: Some(user.to_owned()),
        email: None,
    };
    let page = database
        .run(async |client| users::list(client, &filter, None, 1).await)
        .await?;
    Ok(page.0.into_iter().next())
}

/// A user as JSON, with the fields of the API.
pub fn json(row: &UserRow) -> Value {
    json!({
        "id": row.id,
        "username": row.username,
        "email": row.email,
        "locale": row.locale,
        "timezone": row.timezone,
        "role": row.role.as_str(),
        "phoneNumbers": row.phone_numbers,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    })
}

/// A user as text.
pub fn text(row: &UserRow) -> Text {
    let shown = |value: &Option<String>| value.as_deref().map_or_else(|| "-".to_owned(), printable);
    let cells = [
        ("user", row.id.to_string()),
        ("username", printable(&row.username)),
        ("email", shown(&row.email)),
        ("locale", shown(&row.locale)),
        ("timezone", shown(&row.timezone)),
        ("role", row.role.to_string()),
        ("phone numbers", row.phone_numbers.join(", ")),
        ("created", row.created_at.to_string()),
        ("updated", row.updated_at.to_string()),
    ];
    let rows: Vec<Vec<String>> = cells
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    table(&rows).into()
}
