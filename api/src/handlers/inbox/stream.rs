//! `GET /api/inbox/stream`.

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use tidings_db::inbox::SeenPosition;
use tidings_db::users;
use tidings_domain::access::ApiKeyId;
use tidings_domain::notification::UserId;
use tidings_http::Connection;

use super::LAST_EVENT_ID;
use super::owner::read_user;
use super::view::reader;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::handlers::users::path::not_found;
use crate::inbox::{StreamContext, StreamGrant, open};
use crate::page_turn::PageTurn;
use crate::query;
use crate::rate_limit;
use crate::state::AppState;

/// Streams what happens in an inbox as server-sent events: `notification` (an item of the list, with `quiet: true` in the user's
/// quiet hours), `state`, `counts` and `reset`. docs/INBOX.md says what they contain. Ends when the token expires, and after an
/// hour.
#[utoipa::path(get, path = "/api/inbox/stream", operation_id = "streamInbox", tag = "inbox",
    params(
        ("userId" = Option<uuid::Uuid>, Query, description = "The owner of the inbox. Required unless the token is that of a user, or with a ticket"),
        ("ticket" = Option<String>, Query, description = "A ticket, instead of a token"),
        ("lastEventId" = Option<String>, Query, description = "The same as the header, for clients that cannot send it. The header counts first"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last id of an earlier stream, or the `upTo` of a page: what is new since then is sent, up to 200 notifications of the last 24 hours, or else `reset`"),
    ),
    responses(
        (status = 200, description = "The events", content_type = "text/event-stream", body = String),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token or the ticket is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this inbox", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 503, description = "`too_many_streams`: the user has 10 streams, or the process has too many; or the service stops, or the database is unavailable", body = crate::error::ErrorBody),
    ),
    security((), ("bearer" = [])),
)]
pub async fn handle(request: HttpRequest, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let (grant, query) = authorize(&request, &state)?;
    let from = query.last_event_id(&request)?;
    if state.health.is_draining() {
        let message = "The service is stopping; try again";
        return Err(ApiError::unavailable("shutting_down", message, ""));
    }
    // After a restart of a proxy, all clients come at once.
    let _turn = PageTurn::wait_for_part(&state).await?;
    let exists = state
        .database
        .run(async |client| Ok(!users::existing(client, &[grant.user]).await?.is_empty()))
        .await?;
    if !exists {
        return Err(not_found());
    }
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        // For proxies that would wait for more bytes.
        .insert_header(("X-Accel-Buffering", "no"));
    if request.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let context = StreamContext {
        inboxes: &state.inbox,
        database: &state.database,
        accounts: state.accounts.clone(),
        api_keys: state.api_keys.clone(),
        connection: Connection::of(&request),
    };
    Ok(response.body(open(context, grant, from).await?))
}

/// The right of a caller to read the stream of `user`.
///
/// # Errors
///
/// Returns 403 to sessions of the dashboard, because a stream would not end with them.
pub(super) fn grant(caller: &Caller, user: UserId) -> Result<StreamGrant, ApiError> {
    if caller.is_dashboard() {
        return Err(ApiError::forbidden(
            "A stream needs a token or an API key, not a session of the dashboard",
        ));
    }
    Ok(StreamGrant {
        user,
        reader: reader(caller, user),
        until: caller.expires_at(),
        session: caller.session(),
        key: ApiKeyId::of_subject(caller.subject()),
    })
}

/// Finds the caller, by a ticket or by the headers, and counts the request.
fn authorize(
    request: &HttpRequest,
    state: &AppState,
) -> Result<(StreamGrant, StreamQuery), ApiError> {
    let query = StreamQuery::parse(request.query_string());
    if let Ok(StreamQuery {
        ticket: Some(ticket),
        ..
    }) = &query
    {
        let verified = state.stream_tickets.verify(ticket);
        let refused = || ApiError::unauthorized("The ticket is not valid, or has expired");
        let (caller, grant) = verified.ok_or_else(refused)?;
        rate_limit::count(request, &caller)?;
        return Ok((grant, query?));
    }
    let caller = Caller::from_request(request, &mut Payload::None).into_inner()?;
    let query = query?;
    let user = caller.check_inbox(query.user)?;
    Ok((grant(&caller, user)?, query))
}

/// The query, read strictly.
#[derive(Debug, Default)]
struct StreamQuery {
    user: Option<UserId>,
    ticket: Option<String>,
    last_event_id: Option<SeenPosition>,
}

impl StreamQuery {
    fn parse(text: &str) -> Result<Self, ApiError> {
        let mut parsed = Self::default();
        query::read(text, |name, value, problems| {
            match name {
                "ticket" => parsed.ticket = Some(value.to_owned()),
                // Clients without an id send an empty one.
                "lastEventId" if value.is_empty() => {}
                "lastEventId" => {
                    parsed.last_event_id = query::value(problems, name, value, None);
                }
                _ => return read_user(&mut parsed.user, name, value, problems),
            }
            true
        })?;
        if parsed.ticket.is_some() && parsed.user.is_some() {
            let problem = "must be absent with a ticket, which names the user";
            return Err(query::invalid(vec![ErrorDetail::new("userId", problem)]));
        }
        Ok(parsed)
    }

    /// The position from which the stream continues.
    fn last_event_id(self, request: &HttpRequest) -> Result<Option<SeenPosition>, ApiError> {
        let Some(header) = request.headers().get(&LAST_EVENT_ID) else {
            return Ok(self.last_event_id);
        };
        if header.is_empty() {
            return Ok(self.last_event_id);
        }
        let position = header.to_str().ok().and_then(|text| text.parse().ok());
        position.map(Some).ok_or_else(|| {
            let problem = "must be the id of an earlier event, unchanged";
            let details = vec![ErrorDetail::new("Last-Event-ID", problem)];
            let message = format!("Invalid header: Last-Event-ID: {problem}");
            ApiError::bad_request("invalid_last_event_id", message, details)
        })
    }
}
