use jiff::Timestamp;
use serde::Serialize;
use tidings_db::users::UserRow;
use tidings_domain::access::Scope;
use tidings_domain::notification::UserId;
use utoipa::ToSchema;

use crate::auth::Caller;

/// A user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub struct UserView {
    /// The id, which a notification's `targetUserId` names.
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    /// The name.
    #[schema(example = "anna")]
    username: String,
    /// The e-mail address.
    #[schema(example = "anna@example.com")]
    email: Option<String>,
    /// The language (BCP 47).
    #[schema(example = "de-AT")]
    locale: Option<String>,
    /// The time zone: a name of the IANA database.
    #[schema(example = "Europe/Vienna")]
    timezone: Option<String>,
    /// What the user may do with an account: `user`, `operator` or `admin`.
    #[schema(example = "user")]
    role: &'static str,
    /// The telephone numbers. Text messages go to the first.
    #[schema(example = json!(["+436601234567"]))]
    phone_numbers: Vec<String>,
    /// When the user was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the name, the address, the language or the time zone last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<UserRow> for UserView {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id,
            username: row.username,
            email: row.email,
            locale: row.locale,
            timezone: row.timezone,
            role: row.role.as_str(),
            phone_numbers: row.phone_numbers,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A user after a request that has written it.
#[derive(Serialize)]
#[serde(untagged)]
pub enum WrittenUser {
    /// For a caller that may read users.
    Complete(UserView),
    /// For a caller that may not.
    #[serde(rename_all = "camelCase")]
    IdAndTimes {
        id: UserId,
        created_at: Timestamp,
        updated_at: Timestamp,
    },
}

impl WrittenUser {
    pub fn new(row: UserRow, caller: &Caller) -> Self {
        if caller.check(Scope::UsersRead).is_ok() {
            return Self::Complete(row.into());
        }
        Self::IdAndTimes {
            id: row.id,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A user after a request that has written it. Only `id`, `createdAt` and `updatedAt` are present without the scope
/// `users:read`.
#[derive(ToSchema)]
#[schema(as = WrittenUser)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct WrittenUserBody {
    /// The id, which a notification's `targetUserId` names.
    id: uuid::Uuid,
    /// The name.
    #[schema(example = "anna")]
    username: Option<String>,
    /// The e-mail address.
    #[schema(example = "anna@example.com")]
    email: Option<String>,
    /// The language (BCP 47).
    #[schema(example = "de-AT")]
    locale: Option<String>,
    /// The time zone: a name of the IANA database.
    #[schema(example = "Europe/Vienna")]
    timezone: Option<String>,
    /// What the user may do with an account: `user`, `operator` or `admin`.
    #[schema(example = "user")]
    role: Option<String>,
    /// The telephone numbers. Text messages go to the first.
    #[schema(rename = "phoneNumbers", example = json!(["+436601234567"]))]
    phone_numbers: Option<Vec<String>>,
    /// When the user was created.
    #[schema(rename = "createdAt", value_type = String, format = DateTime)]
    created_at: (),
    /// When the name, the address, the language or the time zone last changed.
    #[schema(rename = "updatedAt", value_type = String, format = DateTime)]
    updated_at: (),
}

/// A page of users.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserPage)]
pub struct UserPage {
    /// Ordered by id, the largest first. Of users with ids that Tidings has chosen, the newest are first.
    pub users: Vec<UserView>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
}
