//! `PATCH /api/users/{userId}/preferences`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::ToSchema;

use super::changes;
use super::owner::Owner;
use super::view::PreferencesView;
use crate::audit::Origin;
use crate::error::ApiError;
use crate::request_body::read_json;
use crate::state::AppState;

/// What is chosen. Everything else stays.
#[derive(ToSchema)]
#[schema(as = PreferenceChanges)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct ChangesBody {
    /// Of two choices about the same, the last one counts.
    #[schema(min_items = 1, max_items = 200)]
    preferences: Vec<ChoiceBody>,
}

/// A choice.
#[derive(ToSchema)]
#[schema(as = NewPreference)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct ChoiceBody {
    /// The name of a category, not of a critical one; `*` for all notifications; `*marketing` for each marketing category, also
    /// one that is created later, about which nothing else is chosen for the same channel.
    #[schema(min_length = 1, max_length = 64, example = "order-updates")]
    category: String,
    /// The name of a channel; `*` for all channels.
    #[schema(example = "email")]
    channel: String,
    /// Whether the user wants the notifications; null takes an earlier choice back.
    #[schema(required = true)]
    enabled: Option<bool>,
}

/// Changes what a user wants to receive. Needs the scope `preferences:write` and the user's own id, or `admin`.
///
/// After the response, no attempt begins to deliver what the user does not want. Notifications that wait are decided again.
#[utoipa::path(patch, path = "/api/users/{userId}/preferences", operation_id = "updatePreferences", tag = "preferences",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    request_body = ChangesBody,
    responses(
        (status = 200, description = "The preferences after the change", body = PreferencesView),
        (status = 400, description = "`details` lists everything that is wrong. `unknown_category`; `category_locked`: the category is critical", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing this user's preferences", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable. `change_not_complete`: the preferences are stored, and a delivery that began before has not ended", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    owner: Owner,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let Owner(user) = owner;
    let body = read_json(&request, payload, &state).await?;
    changes::apply(&state, &origin, user, &body).await
}
