//! `/api/users/{userId}/contacts/phone-numbers`.

pub mod create;
pub mod delete;
pub mod list;

use jiff::Timestamp;
use serde::Serialize;
use tidings_db::phone_numbers::{MAX_PER_USER, PhoneNumberRow};
use utoipa::ToSchema;
use uuid::Uuid;

use super::add_response::Contact;

/// A user's phone number.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PhoneNumber)]
pub struct NumberView {
    /// The id.
    id: Uuid,
    /// `+` and 8 to 15 digits (E.164).
    #[schema(example = "+4915112345678")]
    number: String,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<PhoneNumberRow> for NumberView {
    fn from(row: PhoneNumberRow) -> Self {
        Self {
            id: row.id,
            number: row.number,
            created_at: row.created_at,
        }
    }
}

impl Contact for NumberView {
    const COLLECTION: &str = "phone-numbers";
    const MAX: i64 = MAX_PER_USER;

    fn id(&self) -> Uuid {
        self.id
    }
}
