//! `GET /api/users/{userId}/contacts`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use tidings_db::{device_tokens, phone_numbers, users};
use utoipa::ToSchema;

use super::device_tokens::DeviceView;
use super::owner::Owner;
use super::phone_numbers::NumberView;
use crate::error::ApiError;
use crate::state::AppState;

/// A user's contacts.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contacts {
    /// The e-mail address.
    #[schema(example = "anna@example.com")]
    email: Option<String>,
    /// Newest first. Text messages go to the first.
    phone_numbers: Vec<NumberView>,
    /// Newest first. Push messages go to all of them.
    device_tokens: Vec<DeviceView>,
}

/// Returns the addresses that are used for notifications that name none.
#[utoipa::path(get, path = "/api/users/{userId}/contacts", operation_id = "getContacts", tag = "contacts",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    responses(
        (status = 200, description = "All contacts except webhook endpoints", body = Contacts),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing this user's contacts", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, owner: Owner) -> Result<HttpResponse, ApiError> {
    let Owner(user) = owner;
    let contacts = state
        .database
        .run(async |client| {
            let Some(email) = users::email(client, user).await? else {
                return Ok(None);
            };
            let numbers = phone_numbers::list(client, user).await?;
            let devices = device_tokens::list(client, user).await?;
            Ok(Some(Contacts {
                email: email.into_address(),
                phone_numbers: numbers.into_iter().map(NumberView::from).collect(),
                device_tokens: devices.into_iter().map(DeviceView::from).collect(),
            }))
        })
        .await?;
    let contacts = contacts.ok_or_else(Owner::not_found)?;
    Ok(HttpResponse::Ok().json(contacts))
}
