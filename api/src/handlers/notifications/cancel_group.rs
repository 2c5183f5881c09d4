//! `DELETE /api/notifications?group=…`.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use tidings_db::{TransactionOptions, notifications};
use tidings_domain::notification::GroupKey;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::page_turn::PageTurn;
use crate::query;
use crate::state::AppState;

/// Notifications in one transaction.
const CHUNK: u32 = 1000;

/// How long a request may cancel. The client repeats it if there may be more.
const TIME: Duration = Duration::from_secs(5);

/// The response to the cancellation of a group.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CancelGroupResponse {
    /// Cancelled by this request.
    cancelled: u64,
    /// Those that workers are sending now. They are not cancelled.
    being_sent: u64,
    /// Whether there may be more to cancel: repeat the request.
    maybe_more: bool,
}

/// Cancels all notifications of a group of the caller that are recorded and not sent yet.
#[utoipa::path(delete, path = "/api/notifications", operation_id = "cancelGroup", tag = "notifications",
    params(("group" = String, Query, description = "The `group` of the notifications: 1 to 255 visible ASCII characters")),
    responses(
        (status = 200, description = "How many are cancelled", body = CancelGroupResponse),
        (status = 400, description = "`group` is missing or invalid", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow sending notifications", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let user = caller.check_cancel()?.user;
    let (sender, group) = (caller.sender(), parse(request.query_string())?);
    let _turn = PageTurn::wait_for_part(&state).await?;
    let deadline = Instant::now() + TIME;
    let mut cancelled = 0;
    loop {
        let chunk = state
            .database
            .transaction(TransactionOptions::default(), async |transaction| {
                let origin = &origin.0;
                notifications::cancel_group(transaction, &sender, user, &group, CHUNK, origin).await
            })
            .await?;
        cancelled += chunk;
        if chunk < u64::from(CHUNK) || Instant::now() >= deadline {
            break;
        }
    }
    let (being_sent, open) = state
        .database
        .run(async |client| notifications::count_open_in_group(client, &sender, user, &group).await)
        .await?;
    tracing::info!(
        cancelled,
        subject = caller.subject(),
        "group of notifications cancelled"
    );
    Ok(HttpResponse::Ok().json(CancelGroupResponse {
        cancelled,
        being_sent,
        maybe_more: open > 0,
    }))
}

fn parse(text: &str) -> Result<GroupKey, ApiError> {
    let mut group = None;
    query::read(text, |name, value, problems| {
        if name != "group" {
            return false;
        }
        group = query::value(problems, name, value, None);
        true
    })?;
    group.ok_or_else(|| {
        let details = vec![ErrorDetail::new("group", "is required")];
        let message = "Say which group to cancel: DELETE /api/notifications?group=…";
        ApiError::bad_request("missing_fields", message, details)
    })
}
