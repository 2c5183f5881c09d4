//! `/api/users/{userId}/contacts/email`.

pub mod delete;
pub mod find;
pub mod set;

use serde::Serialize;
use utoipa::ToSchema;

/// A user's e-mail address.
#[derive(Serialize, ToSchema)]
#[schema(as = EmailContact)]
pub struct EmailView {
    /// The address, or null if the user has none.
    #[schema(example = "anna@example.com")]
    email: Option<String>,
}
