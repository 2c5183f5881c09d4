//! `GET /api/schedules/{id}/preview`.

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::{clock, schedules};
use tidings_domain::time::CronSchedule;
use utoipa::ToSchema;

use super::access::ScheduleAccess;
use crate::error::{ApiError, ErrorDetail};
use crate::query;
use crate::state::AppState;

/// The number of occurrences without `count`.
const DEFAULT_COUNT: usize = 10;

/// The response of a preview.
#[derive(Serialize, ToSchema)]
pub struct PreviewResponse {
    /// The next occurrences (RFC 3339); fewer than asked for if the schedule ends before.
    #[schema(value_type = Vec<String>, example = json!(["2027-03-29T07:00:00Z", "2027-04-05T07:00:00Z"]))]
    occurrences: Vec<Timestamp>,
}

/// Returns the next occurrences of a schedule, whether or not it is paused.
#[utoipa::path(get, path = "/api/schedules/{id}/preview", operation_id = "previewSchedule", tag = "schedules",
    params(
        ("id" = uuid::Uuid, Path, description = "The schedule"),
        ("count" = Option<u32>, Query, description = "How many: 1 to 500, default 10"),
    ),
    responses(
        (status = 200, description = "The next occurrences after now", body = PreviewResponse),
        (status = 400, description = "The id is not a UUID, or `count` is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow schedules", body = crate::error::ErrorBody),
        (status = 404, description = "The schedule does not exist or belongs to another caller", body = crate::error::ErrorBody),
        (status = 409, description = "`invalid_schedule`: it cannot run", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    access: ScheduleAccess,
) -> Result<HttpResponse, ApiError> {
    let count = parse(request.query_string())?;
    let ScheduleAccess { id, scope } = access;
    let (row, now) = state
        .database
        .run(async |client| {
            let row = schedules::find(client, id, &scope).await?;
            Ok((row, clock::now(client).await?))
        })
        .await?;
    let row = row.ok_or_else(ScheduleAccess::not_found)?;
    let recurrence = row.definition().map_err(|error| {
        let message = format!("The schedule cannot run: {error}");
        ApiError::conflict("invalid_schedule", message)
    })?;
    let recurrence = recurrence.recurrence;
    // A pattern that rarely occurs takes long: other requests of the thread must not wait.
    let occurrences = web::block(move || recurrence.occurrences(now, count)).await;
    let occurrences = occurrences.map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok().json(PreviewResponse { occurrences }))
}

fn parse(text: &str) -> Result<usize, ApiError> {
    let mut count = DEFAULT_COUNT;
    query::read(text, |name, value, problems| {
        if name != "count" {
            return false;
        }
        match value.parse() {
            Ok(number) if (1..=CronSchedule::MAX_OCCURRENCES).contains(&number) => count = number,
            _ => {
                let max = CronSchedule::MAX_OCCURRENCES;
                let range = format!("must be a whole number from 1 to {max}");
                problems.push(ErrorDetail::new("count", range));
            }
        }
        true
    })?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_has_1_to_500_occurrences() {
        for (text, expected) in [("", 10), ("count=1", 1), ("count=500", 500)] {
            assert_eq!(parse(text).expect(text), expected);
        }
        for text in [
            "count=0",
            "count=501",
            "count=-1",
            "count=",
            "count=1&count=2",
            "limit=1",
        ] {
            assert_eq!(parse(text).expect_err(text).code, "invalid_query");
        }
    }
}
