//! `PATCH /api/me/preferences`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::changes;
use super::update::ChangesBody;
use super::view::PreferencesView;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::request_body::read_json;
use crate::state::AppState;

/// Changes what the user of the token wants to receive, as `PATCH /api/users/{userId}/preferences` does. Needs the scope
/// `preferences:write`.
#[utoipa::path(patch, path = "/api/me/preferences", operation_id = "updateMyPreferences", tag = "preferences",
    request_body = ChangesBody,
    responses(
        (status = 200, description = "The preferences after the change", body = PreferencesView),
        (status = 400, description = "`details` lists everything that is wrong. `unknown_category`; `category_locked`: the category is critical", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has no user, or does not allow managing preferences", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist any more", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable. `change_not_complete`: the preferences are stored, and a delivery that began before has not ended", body = crate::error::ErrorBody),
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
    changes::apply(&state, &origin, user, &body).await
}
