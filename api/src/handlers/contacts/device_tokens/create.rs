//! `POST /api/users/{userId}/contacts/device-tokens`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::{TransactionOptions, device_tokens};
use tidings_domain::content::DeviceToken;
use utoipa::ToSchema;

use super::DeviceView;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::contacts::add_response::add_response;
use crate::handlers::contacts::change::ContactChange;
use crate::handlers::contacts::owner::Owner;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = NewDeviceToken)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewDeviceBody {
    /// The push service's token for this installation of the app.
    token: String,
    /// The user's name for the device, at most 100 characters.
    #[schema(example = "Anna's telephone")]
    name: Option<String>,
}

/// Adds a device to a user. A device belongs to one user: if another user had it, it is taken from that
/// user.
#[utoipa::path(post, path = "/api/users/{userId}/contacts/device-tokens", operation_id = "addDeviceToken", tag = "contacts",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    request_body = NewDeviceBody,
    responses(
        (status = 201, description = "Added", body = DeviceView, headers(("Location", description = "URL at which the contact can be deleted"))),
        (status = 200, description = "The user had the device already; its name is replaced if the request has one", body = DeviceView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing this user's contacts", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 409, description = "`too_many_contacts`: a user may have 20", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    owner: Owner,
    caller: Caller,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let body = read_json(&request, payload, &state).await?;
    let (token, name) = parse(&body)?;
    let change = ContactChange {
        origin: &origin,
        caller: &caller,
        owner,
        contact: "device_token",
    };
    let added = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let added =
                device_tokens::upsert(transaction, owner.0, &token, name.as_deref()).await?;
            change
                .record_added(transaction, &added, |row| row.id)
                .await?;
            Ok(added)
        })
        .await?;
    add_response(owner, added.map(DeviceView::from))
}

fn parse(body: &[u8]) -> Result<(DeviceToken, Option<String>), ApiError> {
    let mut body = ObjectReader::parse(body, &["token", "name"], "contact")?;
    let token = body.required("token", values::parsed);
    let name = body.optional("name", values::line(device_tokens::MAX_NAME));
    let name = name.filter(|name| !name.is_empty());
    body.finish(token.map(|token| (token, name)))
}
