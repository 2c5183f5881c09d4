//! `POST /api/inbox/stream-ticket`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::owner::InboxOwner;
use super::stream::grant;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::inbox::TICKET_LIFETIME;
use crate::state::AppState;

/// A ticket.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamTicket {
    /// The `ticket` of `GET /api/inbox/stream`.
    ticket: String,
    /// For how many seconds it opens a stream.
    #[schema(example = 30)]
    expires_in: u64,
}

/// Returns a ticket that opens a stream, for clients that cannot send headers, such as `EventSource`.
#[utoipa::path(post, path = "/api/inbox/stream-ticket", operation_id = "createStreamTicket", tag = "inbox",
    params(
        ("userId" = Option<uuid::Uuid>, Query, description = "The owner of the inbox. Required unless the token is that of a user"),
    ),
    responses(
        (status = 200, description = "The ticket", body = StreamTicket),
        (status = 400, description = "The query is invalid", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this inbox", body = crate::error::ErrorBody),
        (status = 503, description = "`tickets_unavailable`: the operator has set neither JWT_SECRET nor ACCOUNTS_SECRET; or the token cannot be checked now", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    owner: InboxOwner,
) -> Result<HttpResponse, ApiError> {
    let grant = grant(&caller, owner.0)?;
    let ticket = state.stream_tickets.sign(&caller, &grant, Timestamp::now());
    let ticket = ticket.ok_or_else(|| {
        let message = "There are no tickets; open the stream with a token in the header";
        ApiError::unavailable("tickets_unavailable", message, "no secret signs tickets")
    })?;
    Ok(HttpResponse::Ok().json(StreamTicket {
        ticket,
        expires_in: TICKET_LIFETIME.as_secs(),
    }))
}
