//! `GET /api/sending`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::sending_switches::{self, SendingSwitch};
use tidings_domain::access::Scope;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// Which channels are sending.
#[derive(Debug, Serialize, ToSchema)]
pub struct SendingStatus {
    /// Every channel that sends to the outside.
    channels: Vec<ChannelStatus>,
    /// The switches that were used.
    switches: Vec<SwitchStatus>,
}

/// One channel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelStatus {
    /// The channel.
    #[schema(example = "sms")]
    channel: &'static str,
    /// Whether it sends nothing, because of its own switch or that of all channels.
    stopped: bool,
    /// How many notifications workers are sending.
    in_flight: u64,
}

/// One switch.
#[derive(Debug, Serialize, ToSchema)]
pub struct SwitchStatus {
    /// The channel, or `*` for all of them.
    #[schema(example = "*")]
    channel: &'static str,
    /// Whether the switch is stopped.
    stopped: bool,
    /// Why it was stopped.
    reason: Option<String>,
    /// Who stopped or started it: the subject of the token.
    by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<SendingSwitch> for SwitchStatus {
    fn from(switch: SendingSwitch) -> Self {
        Self {
            channel: switch.scope.as_str(),
            stopped: switch.stopped,
            reason: switch.reason,
            by: switch.by,
            at: switch.at,
        }
    }
}

/// Returns the stopped channels, who stopped them, and why.
#[utoipa::path(get, path = "/api/sending", operation_id = "getSending", tag = "sending",
    responses(
        (status = 200, description = "The channels and the switches", body = SendingStatus),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has neither the scope `sending:control` nor `dashboard`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.check_any([Scope::SendingControl, Scope::Dashboard])?;
    let (switches, counts) = state
        .database
        .run(async |client| {
            let switches = sending_switches::list(client).await?;
            Ok((switches, sending_switches::in_flight(client).await?))
        })
        .await?;
    let channels = counts
        .into_iter()
        .map(|(channel, in_flight)| ChannelStatus {
            channel: channel.as_str(),
            stopped: switches.stop_of(channel).is_some(),
            in_flight,
        });
    Ok(HttpResponse::Ok().json(SendingStatus {
        channels: channels.collect(),
        switches: switches.0.into_iter().map(SwitchStatus::from).collect(),
    }))
}
