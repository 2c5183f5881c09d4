//! `tidings users contacts list`.

use anyhow::bail;
use serde_json::{Value, json};
use tidings_db::Database;
use tidings_db::device_tokens::{self, DeviceTokenRow};
use tidings_db::phone_numbers::{self, PhoneNumberRow};
use tidings_db::users::{self, UserEmail};
use tidings_domain::notification::UserId;

use crate::output::{CommandOutput, Text, printable, table};

/// Where a user is reached.
#[derive(Debug)]
struct Contacts {
    email: Option<String>,
    /// Newest first.
    phone_numbers: Vec<PhoneNumberRow>,
    /// Newest first.
    devices: Vec<DeviceTokenRow>,
}

/// Lists the contacts of a user.
pub async fn run(database: &Database, user: UserId) -> anyhow::Result<CommandOutput> {
    let reading = database.run(async |client| {
        let Some(email) = users::email(client, user).await? else {
            return Ok(None);
        };
        Ok(Some(Contacts {
            email: UserEmail::into_address(email),
            phone_numbers: phone_numbers::list(client, user).await?,
            devices: device_tokens::list(client, user).await?,
        }))
    });
    let Some(contacts) = reading.await? else {
        bail!("there is no user {user}");
    };
    CommandOutput::new(text(&contacts), json(&contacts))
}

fn text(contacts: &Contacts) -> Text {
    let mut lines = Vec::new();
    let mut line = |kind: &str, id: String, address: &str, since: String| {
        lines.push(vec![kind.to_owned(), id, printable(address), since]);
    };
    line(
        "CONTACT",
        "ID".to_owned(),
        "ADDRESS OR NAME",
        "SINCE".to_owned(),
    );
    if let Some(email) = &contacts.email {
        line("e-mail", "email".to_owned(), email, "-".to_owned());
    }
    for one in &contacts.phone_numbers {
        let since = format!("{:.0}", one.created_at);
        line("phone", one.id.to_string(), &one.number, since);
    }
    for one in &contacts.devices {
        let name = one.name.as_deref().unwrap_or("without a name");
        let since = format!("{:.0}", one.created_at);
        line("device", one.id.to_string(), name, since);
    }
    if lines.len() == 1 {
        return "No contacts: only in-app notifications and webhooks reach this user.\n"
            .to_owned()
            .into();
    }
    table(&lines).into()
}

/// Contacts with the fields of the API.
fn json(contacts: &Contacts) -> Value {
    let numbers: Vec<_> = contacts.phone_numbers.iter().map(number).collect();
    let devices: Vec<_> = contacts.devices.iter().map(device).collect();
    json!({"email": contacts.email, "phoneNumbers": numbers, "deviceTokens": devices})
}

/// A phone number with the fields of the API.
pub fn number(row: &PhoneNumberRow) -> Value {
    json!({"id": row.id, "number": row.number, "createdAt": row.created_at})
}

/// A device with the fields of the API.
pub fn device(row: &DeviceTokenRow) -> Value {
    json!({"id": row.id, "token": row.token, "name": row.name, "createdAt": row.created_at})
}
