use jiff::Timestamp;
use tidings_domain::access::Role;
use tidings_domain::notification::UserId;
use tokio_postgres::Row;
use uuid::Uuid;

/// The columns of a [`UserRow`], in a statement on `users`.
pub(super) const COLUMNS: &str =
    "users.id, users.username, users.email, users.locale, users.timezone, users.role, users.created_at, users.updated_at,
     users.email_verified,
     NOT EXISTS (SELECT FROM phone_numbers WHERE user_id = users.id AND NOT verified) AS numbers_verified,
     ARRAY(SELECT number FROM phone_numbers WHERE user_id = users.id ORDER BY phone_numbers.id DESC) AS phone_numbers";

/// A user, with the phone numbers.
#[derive(Clone, PartialEq, Eq)]
pub struct UserRow {
    /// The id.
    pub id: UserId,
    /// Unique.
    pub username: String,
    /// Unique in its normal form. Rows that were inserted by SQL may have another form.
    pub email: Option<String>,
    /// A language (BCP 47).
    pub locale: Option<String>,
    /// A name of the IANA time zone database.
    pub timezone: Option<String>,
    /// What the user may do with an account.
    pub role: Role,
    /// `+` and digits each, the newest first. Text messages go to the first.
    pub phone_numbers: Vec<String>,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When the name, the address, the locale or the time zone last changed.
    pub updated_at: Timestamp,
    /// Whether notifications go to the address.
    pub(super) email_verified: bool,
    /// Whether all phone numbers that the user had when the row was read are verified.
    pub(super) numbers_verified: bool,
}

/// Logs must not contain names and addresses.
impl std::fmt::Debug for UserRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserRow")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl From<&Row> for UserRow {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get::<_, Uuid>("id").into(),
            username: row.get("username"),
            email: row.get("email"),
            locale: row.get("locale"),
            timezone: row.get("timezone"),
            // A role of a newer version is unknown here, and grants no more than the least one.
            role: row.get::<_, &str>("role").parse().unwrap_or_default(),
            phone_numbers: row.get("phone_numbers"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            email_verified: row.get("email_verified"),
            numbers_verified: row.get("numbers_verified"),
        }
    }
}
