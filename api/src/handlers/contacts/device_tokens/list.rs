//! `GET /api/users/{userId}/contacts/device-tokens`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use tidings_db::{device_tokens, users};
use utoipa::ToSchema;

use super::DeviceView;
use crate::error::ApiError;
use crate::handlers::contacts::owner::Owner;
use crate::state::AppState;

/// A user's devices.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeviceTokenList)]
pub struct DeviceList {
    /// Newest first. Push messages go to all of them.
    device_tokens: Vec<DeviceView>,
}

/// A user's devices.
#[utoipa::path(get, path = "/api/users/{userId}/contacts/device-tokens", operation_id = "listDeviceTokens", tag = "contacts",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    responses(
        (status = 200, description = "All of the user's", body = DeviceList),
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
    let found = state
        .database
        .run(async |client| {
            if !users::exists(client, user).await? {
                return Ok(None);
            }
            device_tokens::list(client, user).await.map(Some)
        })
        .await?;
    let rows = found.ok_or_else(Owner::not_found)?;
    Ok(HttpResponse::Ok().json(DeviceList {
        device_tokens: rows.into_iter().map(DeviceView::from).collect(),
    }))
}
