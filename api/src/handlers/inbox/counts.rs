//! `GET /api/inbox/counts`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use tidings_db::inbox::{self, UnreadCount};
use utoipa::ToSchema;

use super::owner::read_user;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::query;
use crate::state::AppState;

/// Up to which number unread notifications are counted, unless the request says otherwise.
const DEFAULT_CAP: u32 = 100;

/// The largest such number.
pub const MAX_CAP: u32 = 1000;

/// The counts of an inbox.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct InboxCounts {
    /// The unread notifications, at most `cap`.
    unread: u32,
    /// Whether there are more.
    capped: bool,
}

impl From<UnreadCount> for InboxCounts {
    fn from(count: UnreadCount) -> Self {
        Self {
            unread: count.unread,
            capped: count.capped,
        }
    }
}

/// Counts the unread notifications of an inbox.
#[utoipa::path(get, path = "/api/inbox/counts", operation_id = "countInbox", tag = "inbox",
    params(
        ("userId" = Option<uuid::Uuid>, Query, description = "The owner of the inbox. Required unless the token is that of a user"),
        ("cap" = Option<u32>, Query, description = "Up to which number to count: 1 to 1000, default 100"),
    ),
    responses(
        (status = 200, description = "The counts", body = InboxCounts),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this inbox", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let (mut user, mut cap) = (None, DEFAULT_CAP);
    query::read(request.query_string(), |name, value, problems| {
        if name != "cap" {
            return read_user(&mut user, name, value, problems);
        }
        match value.parse() {
            Ok(number) if (1..=MAX_CAP).contains(&number) => cap = number,
            _ => {
                let range = format!("must be a whole number from 1 to {MAX_CAP}");
                problems.push(ErrorDetail::new(name, range));
            }
        }
        true
    })?;
    let user = caller.check_inbox(user)?;
    let count = state
        .database
        .run(async |client| inbox::count_unread_of(client, user, cap).await)
        .await?;
    Ok(HttpResponse::Ok().json(InboxCounts::from(count)))
}
