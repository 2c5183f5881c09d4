//! `POST /api/channels/{channel}/probe`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::TransactionOptions;
use tidings_db::channel_probes::{self, ProbeRequestResult};
use tidings_domain::access::Scope;
use tidings_domain::notification::Channel;
use utoipa::ToSchema;

use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// A probe that was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProbeRequested {
    /// The channel.
    #[schema(example = "email")]
    channel: &'static str,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    requested_at: Timestamp,
}

/// Asks the workers to try a provider that is down or limits the rate, instead of waiting for the next probe: each worker lets
/// one message through within `CONTROL_POLL_MS`, as soon as one waits. For webhooks, one message to each destination that is
/// down. Changes nothing for a provider that works. Needs the scope `sending:control`.
#[utoipa::path(post, path = "/api/channels/{channel}/probe", operation_id = "probeChannel", tag = "sending",
    params(("channel" = String, Path, description = "`email`, `sms`, `push` or `webhook`")),
    responses(
        (status = 202, description = "The workers will read it", body = ProbeRequested),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `sending:control`", body = crate::error::ErrorBody),
        (status = 404, description = "There is no such channel, or nothing is sent through it", body = crate::error::ErrorBody),
        (status = 409, description = "`channel_stopped`: an operator has stopped the channel; start it first", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    channel: Path<String>,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::SendingControl)?;
    let named: Option<Channel> = channel.parse().ok();
    let channel = named.and_then(Channel::delivered).ok_or_else(|| {
        ApiError::not_found("There is no such channel: use email, sms, push or webhook")
    })?;
    let by = caller.sender();
    let requesting = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            channel_probes::request(transaction, channel, &by, &origin.0).await
        });
    match requesting.await? {
        ProbeRequestResult::Requested(requested_at) => {
            Ok(HttpResponse::Accepted().json(ProbeRequested {
                channel: channel.as_str(),
                requested_at,
            }))
        }
        ProbeRequestResult::Stopped => {
            let message = "An operator has stopped the channel: start it first";
            Err(ApiError::conflict("channel_stopped", message))
        }
    }
}
