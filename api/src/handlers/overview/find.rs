//! `GET /api/overview`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_domain::access::Scope;
use tidings_domain::overview::Overview;

use super::{facts, schema};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::state::AppState;

/// Returns what is wrong now, how much is sent, what waits, and the states of the channels. While PostgreSQL or RabbitMQ
/// does not respond, this is a problem of the answer, and what the server would know is null.
#[utoipa::path(get, path = "/api/overview", operation_id = "getOverview", tag = "overview",
    responses(
        (status = 200, description = "The overview", body = schema::Overview),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `dashboard`", body = crate::error::ErrorBody),
        (status = 503, description = "Too many long pages are read", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::Dashboard)?;
    let _turn = PageTurn::wait_for_part(&state).await?;
    let facts = facts::collect(&state).await?;
    Ok(HttpResponse::Ok().json(Overview::of(&facts)))
}
