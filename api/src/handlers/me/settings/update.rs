//! `PATCH /api/me/settings`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::users::settings::{ChangesBody, SettingsView, change};
use crate::request_body::read_json;
use crate::state::AppState;

/// Changes the settings of the user of the token. Absent fields stay as they are, and null sets the default. What waits for
/// the end of the quiet hours is decided again. Needs the scope `preferences:write`.
#[utoipa::path(patch, path = "/api/me/settings", operation_id = "updateMySettings", tag = "preferences",
    request_body = ChangesBody,
    responses(
        (status = 200, description = "The settings after the change", body = SettingsView),
        (status = 400, description = "`details` lists everything that is wrong. `quiet_hours_never_end`: the quiet hours cover the whole week. `unknown_category`: there is no such category. `digest_too_fast`: the category has a slower digest", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token is not that of a user, or lacks the scope", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist any more", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable. `change_not_complete`: the settings are stored, and a delivery that began before has not ended", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let user = caller.check_own_preferences()?;
    let body = read_json(&request, payload, &state).await?;
    let view = change(&state, &origin.0, user, &body).await?;
    Ok(HttpResponse::Ok().json(view))
}
