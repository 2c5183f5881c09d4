//! `/api/users/{userId}/contacts/email`.

pub mod delete;
pub mod find;
pub mod set;

use serde::Serialize;
use utoipa::ToSchema;

/// Where a user's e-mail goes.
#[derive(Serialize, ToSchema)]
#[schema(as = EmailContact)]
pub struct EmailView {
    /// The address; null where there is none.
    #[schema(example = "anna@example.com")]
    email: Option<String>,
}
