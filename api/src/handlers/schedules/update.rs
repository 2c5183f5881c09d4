//! `PATCH /api/schedules/{id}`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::{TransactionOptions, schedules};
use utoipa::ToSchema;

use super::ScheduleView;
use super::access::ScheduleAccess;
use super::changes::ScheduleChanges;
use super::recurrence;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::notifications::NotificationTemplate;
use crate::handlers::notifications::create::{DigestRefBody, SendAtBody};
use crate::handlers::notifications::preconditions::check_category;
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body. Absent fields stay as they are.
#[derive(ToSchema)]
#[schema(as = ScheduleChanges)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct ChangesBody {
    /// The new content, or the new variables of the template.
    #[schema(value_type = Option<Object>, example = json!({"title": "Your weekly report"}))]
    payload: Option<()>,
    /// The new template; null removes it.
    template: Option<NotificationTemplate>,
    /// Seconds from an occurrence until its notification expires; null means never.
    #[schema(rename = "ttlSecs", minimum = 1, maximum = 31_622_400, example = 3600)]
    ttl_secs: Option<u32>,
    /// The new group; null removes it.
    #[schema(min_length = 1, max_length = 255, example = "reports")]
    group: Option<String>,
    /// The new category; null removes it.
    #[schema(min_length = 1, max_length = 64, example = "order-updates")]
    category: Option<String>,
    /// The new digest; null removes it.
    digest: Option<DigestRefBody>,
    /// The new pattern.
    #[schema(max_length = 256, example = "0 9 * * 1")]
    cron: Option<String>,
    /// The new time zone.
    #[schema(example = "Europe/Berlin")]
    timezone: Option<String>,
    /// The new start; null removes it.
    #[schema(rename = "startsAt")]
    starts_at: Option<SendAtBody>,
    /// The new end; null removes it.
    #[schema(rename = "endsAt")]
    ends_at: Option<SendAtBody>,
    /// The new grace.
    #[schema(
        rename = "graceSecs",
        minimum = 60,
        maximum = 31_622_400,
        example = 3600
    )]
    grace_secs: Option<u32>,
}

/// Changes the fields in the body and keeps the others. A change of `cron`, `timezone`, `startsAt` or `endsAt` makes the
/// next occurrence the first one after now.
#[utoipa::path(patch, path = "/api/schedules/{id}", operation_id = "updateSchedule", tag = "schedules",
    params(("id" = uuid::Uuid, Path, description = "The schedule")),
    request_body = ChangesBody,
    responses(
        (status = 200, description = "The schedule after the change", body = ScheduleView),
        (status = 400, description = "`details` lists everything that is wrong. `cron_never`: the schedule would have no occurrence; `ends_before_start`", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow schedules, or not this change", body = crate::error::ErrorBody),
        (status = 404, description = "The schedule does not exist or belongs to another caller", body = crate::error::ErrorBody),
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
    access: ScheduleAccess,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let body = read_json(&request, payload, &state).await?;
    let changes = ScheduleChanges::parse(&body)?;
    check_category(&state, changes.category()).await?;
    let ScheduleAccess { id, scope } = access;
    let row = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            // The lock: a scheduler that runs the schedule now has finished, and no other change comes between.
            let Some((row, now)) = schedules::lock(transaction, id, &scope).await? else {
                return Ok(Err(ScheduleAccess::not_found()));
            };
            let definition = match changes.apply(&row, &state, &caller) {
                Ok(definition) => definition,
                Err(error) => return Ok(Err(error)),
            };
            let next_at = if changes.concern_occurrences() {
                let Ok(first) = definition.recurrence.first(now) else {
                    return Ok(Err(recurrence::never()));
                };
                // A paused schedule gets its next occurrence when it is resumed.
                Some(first).filter(|_| !row.paused)
            } else {
                row.next_at
            };
            let row = schedules::rewrite(transaction, id, &definition, next_at).await?;
            let entry = origin.0.entry(Action::ScheduleUpdate);
            audit::record(transaction, &entry.on(TargetKind::Schedule, id)).await?;
            Ok(Ok(row))
        })
        .await??;
    tracing::info!(schedule_id = %id, subject = caller.subject(), "schedule changed");
    Ok(HttpResponse::Ok().json(ScheduleView::new(row)?))
}
