//! `POST /api/schedules`.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::TransactionOptions;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::schedules::{self, CreateResult, MAX_PER_SENDER, RequestKey};
use tidings_domain::notification::{Fingerprint, IdempotencyKey, MessageId};
use utoipa::ToSchema;

use super::ScheduleView;
use super::new_schedule::NewSchedule;
use super::recurrence;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::notifications::accept::check_allowed;
use crate::handlers::notifications::create::{DigestRefBody, SendAtBody, idempotency_key};
use crate::handlers::notifications::preconditions::{check_category, check_unsubscribe_url};
use crate::handlers::notifications::{IDEMPOTENCY_REPLAYED, NotificationTemplate};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = NewSchedule)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewScheduleBody {
    /// The user that the notifications are for.
    #[schema(
        rename = "targetUserId",
        example = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a"
    )]
    target_user_id: uuid::Uuid,
    /// The channel: `in-app`, `email`, `sms`, `push` or `webhook`.
    #[schema(example = "in-app")]
    r#type: String,
    /// The content, or the variables of the template, as for a notification.
    #[schema(value_type = Object, example = json!({"title": "Your weekly report"}))]
    payload: (),
    /// The template that renders the notifications (email, sms and push only).
    template: Option<NotificationTemplate>,
    /// Seconds from an occurrence until its notification expires.
    #[schema(rename = "ttlSecs", minimum = 1, maximum = 31_622_400, example = 3600)]
    ttl_secs: Option<u32>,
    /// The group of the notifications: 1 to 255 visible ASCII characters.
    #[schema(min_length = 1, max_length = 255, example = "reports")]
    group: Option<String>,
    /// The category of the notifications.
    #[schema(min_length = 1, max_length = 64, example = "order-updates")]
    category: Option<String>,
    /// Collects the notifications to a digest apart from others of their category. Only with a category, not for in-app.
    digest: Option<DigestRefBody>,
    /// Five fields: minute, hour, day of month, month and day of week.
    #[schema(max_length = 256, example = "0 9 * * 1")]
    cron: String,
    /// A name of the IANA time zone database.
    #[schema(example = "Europe/Berlin")]
    timezone: String,
    /// No occurrence is before this time.
    #[schema(rename = "startsAt")]
    starts_at: Option<SendAtBody>,
    /// No occurrence is after this time.
    #[schema(rename = "endsAt")]
    ends_at: Option<SendAtBody>,
    /// How late an occurrence may run after an outage, in seconds; by default an hour.
    #[schema(
        rename = "graceSecs",
        minimum = 60,
        maximum = 31_622_400,
        example = 3600
    )]
    grace_secs: Option<u32>,
}

/// Creates a recurring schedule. Needs the scope `schedules:write` and the right to send such a notification.
#[utoipa::path(post, path = "/api/schedules", operation_id = "createSchedule", tag = "schedules",
    request_body = NewScheduleBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters. Requests of the same caller with the same key create one schedule")),
    responses(
        (status = 201, description = "The schedule is created, or was created by the same request before (`Idempotency-Replayed: true`)", body = ScheduleView, headers(("Location", description = "URL of the schedule"))),
        (status = 400, description = "`details` lists everything that is wrong. `cron_never`: the schedule has no occurrence; `ends_before_start`", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 409, description = "`too_many_schedules`: a caller may have 1000", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 422, description = "`idempotency_key_reused`: the key was used for another request", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
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
    caller.check_schedules()?;
    let key = idempotency_key(&request)?;
    let body = read_json(&request, payload, &state).await?;
    let new = NewSchedule::parse(&body)?;
    check_allowed(&state, &caller, &new.notification)?;
    let category = new.notification.category.as_ref();
    check_category(&state, category).await?;
    let has_url = new.notification.addresses.has_unsubscribe_url;
    check_unsubscribe_url(&state, new.notification.channel, category, has_url)?;
    let key = key.map(|key| request_key(&caller, &key, &body));
    let definition = new.definition(&caller);
    let new = schedules::NewSchedule {
        definition: &definition,
        key,
    };
    let created = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let created = schedules::create(transaction, new).await?;
            if let CreateResult::Created(row) = &created {
                let entry = origin.0.entry(Action::ScheduleCreate);
                audit::record(transaction, &entry.on(TargetKind::Schedule, row.id)).await?;
            }
            Ok(created)
        })
        .await?;
    let mut response = HttpResponse::Created();
    let row = match created {
        CreateResult::Created(row) => {
            tracing::info!(schedule_id = %row.id, subject = caller.subject(), "schedule created");
            row
        }
        CreateResult::Existing(row) => {
            response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
            row
        }
        CreateResult::KeyReused => {
            return Err(ApiError::unprocessable(
                "idempotency_key_reused",
                "The Idempotency-Key was used for another schedule",
            ));
        }
        CreateResult::LimitReached => {
            return Err(ApiError::conflict(
                "too_many_schedules",
                format!("A caller may have {MAX_PER_SENDER} schedules at most"),
            ));
        }
        CreateResult::UnknownUser => {
            return Err(ApiError::not_found("There is no user with this id"));
        }
        CreateResult::Never => return Err(recurrence::never()),
    };
    Ok(response
        .insert_header((LOCATION, format!("/api/schedules/{}", row.id)))
        .json(ScheduleView::new(row)?))
}

/// Identifies a request by its key. The digest does not depend on spaces and on the order of the fields.
fn request_key(caller: &Caller, key: &IdempotencyKey, body: &[u8]) -> RequestKey {
    RequestKey {
        id: MessageId::for_key(caller.key_namespace(), key).as_uuid(),
        // The body has been parsed, so it is UTF-8.
        fingerprint: Fingerprint::of_json(&String::from_utf8_lossy(body)),
    }
}
