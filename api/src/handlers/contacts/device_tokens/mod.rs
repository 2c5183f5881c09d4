//! `/api/users/{userId}/contacts/device-tokens`.

pub mod create;
pub mod delete;
pub mod list;

use jiff::Timestamp;
use serde::Serialize;
use tidings_db::device_tokens::{DeviceTokenRow, MAX_PER_USER};
use utoipa::ToSchema;
use uuid::Uuid;

use super::add_response::Contact;

/// A user's device.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeviceToken)]
pub struct DeviceView {
    /// The id.
    id: Uuid,
    /// The push service's token for this installation of the app.
    token: String,
    /// The user's name for the device.
    #[schema(example = "Anna's telephone")]
    name: Option<String>,
    /// When this user registered it.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<DeviceTokenRow> for DeviceView {
    fn from(row: DeviceTokenRow) -> Self {
        Self {
            id: row.id,
            token: row.token,
            name: row.name,
            created_at: row.created_at,
        }
    }
}

impl Contact for DeviceView {
    const COLLECTION: &str = "device-tokens";
    const MAX: i64 = MAX_PER_USER;

    fn id(&self) -> Uuid {
        self.id
    }
}
