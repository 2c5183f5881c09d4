//! `POST /messaging/start`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_domain::access::Scope;

use super::SCOPE;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::sending::{SwitchView, start};
use crate::state::AppState;

/// Starts the sending of text messages again, like `POST /api/sending/start` with the channel `sms`. A body is ignored.
#[utoipa::path(post, path = "/messaging/start", operation_id = "startMessaging", tag = "messaging",
    responses(
        (status = 200, description = "Started; `stopped` says whether the switch of all channels still stops them", body = SwitchView),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `sending:control`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::SendingControl)?;
    start::start(&state, &caller, &origin, SCOPE).await
}
