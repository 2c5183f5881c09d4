use jiff::Timestamp;
use serde::Serialize;
use tidings_db::{DbError, GenericClient, contact_codes, credentials, users};
use tidings_domain::notification::UserId;
use utoipa::ToSchema;
use uuid::Uuid;

/// The user of a token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OwnUser)]
pub struct OwnUser {
    /// The id, which a notification's `targetUserId` names.
    #[schema(value_type = Uuid)]
    id: UserId,
    /// The name.
    #[schema(example = "anna")]
    username: String,
    /// The e-mail address.
    #[schema(example = "anna@example.com")]
    email: Option<String>,
    /// Whether e-mails go to the address.
    email_verified: bool,
    /// The language (BCP 47).
    #[schema(example = "de-AT")]
    locale: Option<String>,
    /// The time zone: a name of the IANA database.
    #[schema(example = "Europe/Vienna")]
    timezone: Option<String>,
    /// The telephone numbers. Text messages go to the first one that is verified.
    phone_numbers: Vec<OwnPhoneNumber>,
    /// What the user may do: `user`, `operator` or `admin`.
    #[schema(example = "user")]
    role: &'static str,
    /// When the user was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the name, the address, the language or the time zone last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A telephone number of the user of a token.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnPhoneNumber)]
pub struct OwnPhoneNumber {
    /// The id.
    id: Uuid,
    /// `+` and 8 to 15 digits (E.164).
    #[schema(example = "+4915112345678")]
    number: String,
    /// Whether text messages go to the number.
    verified: bool,
}

/// Reads a user.
pub async fn find(client: &impl GenericClient, user: UserId) -> Result<Option<OwnUser>, DbError> {
    let Some(row) = users::find(client, user).await? else {
        return Ok(None);
    };
    let contacts = contact_codes::list(client, user).await?;
    let numbers = contacts.phone_numbers.into_iter();
    Ok(Some(OwnUser {
        id: row.id,
        username: row.username,
        email: row.email,
        email_verified: contacts.email_verified,
        locale: row.locale,
        timezone: row.timezone,
        phone_numbers: numbers
            .map(|(id, number)| OwnPhoneNumber {
                id,
                number: number.address,
                verified: number.is_verified,
            })
            .collect(),
        role: credentials::role(client, user).await?.as_str(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }))
}
