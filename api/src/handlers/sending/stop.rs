//! `POST /api/sending/stop`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::sending_switches::{self, MAX_REASON, StopError, SwitchScope};
use tidings_domain::access::Scope;
use utoipa::ToSchema;

use super::{SwitchView, read_scope};
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = SendingStop)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct StopBody {
    /// `email`, `sms`, `push` or `webhook`; `*` or absent for all of them.
    #[schema(example = "sms")]
    channel: Option<String>,
    /// Why, for other operators: 1 to 500 characters on one line.
    #[schema(example = "The provider sends every message twice")]
    reason: String,
}

/// Stops sending. Once this is answered, no send begins, except of the notifications that `inFlight` counts. Notifications
/// are still accepted and recorded, and in-app notifications delivered.
#[utoipa::path(post, path = "/api/sending/stop", operation_id = "stopSending", tag = "sending",
    request_body = StopBody,
    responses(
        (status = 200, description = "Stopped", body = SwitchView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `sending:control`", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable, or `stop_not_complete`: the channels are stopped, but a worker that does not respond may still send what it was about to claim. Repeat the request", body = crate::error::ErrorBody),
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
    let (scope, reason) = parse(&body)?;
    stop(&state, &caller, &origin, scope, &reason).await
}

/// Stops the channels of `scope`, and answers.
pub async fn stop(
    state: &AppState,
    caller: &Caller,
    origin: &Origin,
    scope: SwitchScope,
    reason: &str,
) -> Result<HttpResponse, ApiError> {
    let by = caller.sender();
    let result = sending_switches::stop(&state.database, scope, reason, &by, &origin.0)
        .await
        .map_err(|error| match error {
            StopError::NotSet(error) => error.into(),
            StopError::NotComplete(error) => {
                let message = "The channels are stopped, but a worker that does not respond may still send what it was about to claim; repeat the request";
                ApiError::unavailable("stop_not_complete", message, error)
            }
        })?;
    tracing::info!(
        channel = scope.as_str(),
        subject = caller.subject(),
        in_flight = result.in_flight,
        "sending stopped"
    );
    Ok(HttpResponse::Ok().json(SwitchView::new(scope, result)))
}

fn parse(body: &[u8]) -> Result<(SwitchScope, String), ApiError> {
    let mut reader = ObjectReader::parse(body, &["channel", "reason"], "stop")?;
    let scope = read_scope(&mut reader);
    let reason = reader.required("reason", |value| {
        values::nonblank(value)?;
        values::line(MAX_REASON)(value)
    });
    reader.finish(reason.map(|reason| (scope, reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_needs_a_reason_and_knows_its_channels() {
        let parsed = |body: &str| parse(body.as_bytes()).map_err(|error| error.details.len());
        let reason = "maintenance".to_owned();
        let all = Ok((SwitchScope::All, reason));
        assert_eq!(parsed(r#"{"reason": "maintenance"}"#), all);
        assert_eq!(parsed(r#"{"channel": "*", "reason": "maintenance"}"#), all);
        assert_eq!(parsed("{}"), Err(1));
        assert_eq!(parsed(r#"{"channel": "in-app", "reason": " "}"#), Err(2));
        assert_eq!(parsed(r#"{"channel": "sms", "reason": "a\nb"}"#), Err(1));
        let long = format!(r#"{{"reason": "{}"}}"#, "x".repeat(MAX_REASON + 1));
        assert_eq!(parsed(&long), Err(1));
    }
}
