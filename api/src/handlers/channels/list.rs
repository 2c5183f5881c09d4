//! `GET /api/channels`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::overview::channel_facts;
use tidings_domain::access::Scope;
use tidings_domain::overview::{ChannelOverview, channels};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::overview::facts::of_queues;
use crate::handlers::overview::schema;
use crate::state::AppState;

/// The channels.
#[derive(Debug, Serialize, ToSchema)]
pub struct Channels {
    /// Every channel that sends to the outside.
    #[schema(value_type = Vec<schema::ChannelState>)]
    channels: Vec<ChannelOverview>,
}

/// Returns the state of each channel, its provider, its queue and who stopped it. Needs the scope `dashboard` or
/// `sending:control`.
#[utoipa::path(get, path = "/api/channels", operation_id = "listChannels", tag = "sending",
    responses(
        (status = 200, description = "The channels", body = Channels),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has neither the scope `dashboard` nor `sending:control`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, caller: Caller) -> Result<HttpResponse, ApiError> {
    caller
        .check(Scope::SendingControl)
        .or_else(|_| caller.check(Scope::Dashboard))?;
    let known = state
        .database
        .run(async |client| channel_facts(client).await);
    let facts = of_queues(&state, Timestamp::now(), Some(known.await?));
    Ok(HttpResponse::Ok().json(Channels {
        channels: channels(&facts),
    }))
}
