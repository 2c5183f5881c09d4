//! `POST /api/sending/start`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::sending_switches::{self, SwitchScope};
use tidings_domain::access::Scope;
use utoipa::ToSchema;

use super::{SwitchView, read_scope};
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::json_body::ObjectReader;
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = SendingStart)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct StartBody {
    /// `email`, `sms`, `push` or `webhook`; `*` or absent for the switch of all channels. Each switch is started by itself:
    /// a channel sends once neither its own switch nor that of all channels is stopped.
    #[schema(example = "sms")]
    channel: Option<String>,
}

/// Starts sending again. Everything that waits is sent, each notification once, unless it has expired or is cancelled.
#[utoipa::path(post, path = "/api/sending/start", operation_id = "startSending", tag = "sending",
    request_body = StartBody,
    responses(
        (status = 200, description = "Started; `stopped` says whether another switch still stops the channel", body = SwitchView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `sending:control`", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
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
    caller.check(Scope::SendingControl)?;
    let body = read_json(&request, payload, &state).await?;
    let mut reader = ObjectReader::parse(&body, &["channel"], "start")?;
    let scope = read_scope(&mut reader);
    let scope = reader.finish(Some(scope))?;
    start(&state, &caller, &origin, scope).await
}

/// Starts the channels of `scope`, and answers.
pub async fn start(
    state: &AppState,
    caller: &Caller,
    origin: &Origin,
    scope: SwitchScope,
) -> Result<HttpResponse, ApiError> {
    let by = caller.sender();
    let result = sending_switches::start(&state.database, scope, &by, &origin.0).await?;
    tracing::info!(
        channel = scope.as_str(),
        subject = caller.subject(),
        stopped = result.stopped,
        "sending started"
    );
    Ok(HttpResponse::Ok().json(SwitchView::new(scope, result)))
}
