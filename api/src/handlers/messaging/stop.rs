//! `POST /messaging/stop`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_domain::access::Scope;

use super::SCOPE;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::sending::{SwitchView, stop};
use crate::state::AppState;

/// Stops the sending of text messages, like `POST /api/sending/stop` with the channel `sms`. A body is ignored.
#[utoipa::path(post, path = "/messaging/stop", operation_id = "stopMessaging", tag = "messaging",
    responses(
        (status = 200, description = "Stopped", body = SwitchView),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `sending:control`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable, or `stop_not_complete`: repeat the request", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::SendingControl)?;
    stop::stop(&state, &caller, &origin, SCOPE, "POST /messaging/stop").await
}
