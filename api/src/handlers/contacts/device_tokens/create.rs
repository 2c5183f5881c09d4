//! `POST /api/users/{userId}/contacts/device-tokens`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::{TransactionOptions, device_tokens};
use tidings_domain::content::DeviceToken;
use utoipa::ToSchema;

use super::DeviceView;
use crate::error::ApiError;
use crate::handlers::contacts::added;
use crate::handlers::contacts::owner::Owner;
use crate::json_body::{ObjectReader, values};
use crate::receive::receive;
use crate::state::AppState;

/// The longest name of a device.
const MAX_NAME: usize = 100;

/// The body of a request.
#[derive(ToSchema)]
#[schema(as = NewDeviceToken)]
#[expect(
    dead_code,
    reason = "its fields are the documentation of what is parsed"
)]
pub struct NewDeviceBody {
    /// What the push service calls this installation of the app.
    token: String,
    /// What the user calls the device: at most 100 characters.
    #[schema(example = "Anna's telephone")]
    name: Option<String>,
}

/// Makes a device a user's. One that was another user's is no longer theirs: one installation of an
/// app has one user.
#[utoipa::path(post, path = "/api/users/{userId}/contacts/device-tokens", operation_id = "addDeviceToken", tag = "contacts",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    request_body = NewDeviceBody,
    responses(
        (status = 201, description = "Added", body = DeviceView, headers(("Location", description = "Where it can be deleted"))),
        (status = 200, description = "The user had it already; its name is the one given, if one is", body = DeviceView),
        (status = 400, description = "What is wrong stands in `details`, all of it", body = crate::error::ErrorBody),
        (status = 401, description = "No valid token", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing this user's contacts", body = crate::error::ErrorBody),
        (status = 404, description = "No such user", body = crate::error::ErrorBody),
        (status = 409, description = "`too_many_contacts`: a user may have 20", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is away", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    owner: Owner,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let body = receive(&request, payload, &state).await?;
    let (token, name) = parse(&body)?;
    let added = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            device_tokens::upsert(transaction, owner.0, &token, name.as_deref()).await
        })
        .await?;
    added::answer(owner, added.map(DeviceView::from))
}

fn parse(body: &[u8]) -> Result<(DeviceToken, Option<String>), ApiError> {
    let mut body = ObjectReader::parse(body, &["token", "name"], "contact")?;
    let token = body.required("token", values::parsed);
    let name = body.optional("name", values::line(MAX_NAME));
    let name = name.filter(|name| !name.is_empty());
    body.finish(token.map(|token| (token, name)))
}
