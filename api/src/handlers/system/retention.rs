//! `GET /api/system/retention`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::retention::{self, Figures};
use tidings_domain::access::Scope;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// How much is kept, and what the last sweep of the retention has done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Retention)]
pub struct RetentionView {
    /// About how many notifications have a row.
    rows: u64,
    /// The size of their table with its indexes, in bytes.
    bytes: u64,
    /// When the oldest of them was accepted.
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest: Option<Timestamp>,
    /// When the last complete sweep ended; null if there was none.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_sweep: Option<Timestamp>,
    /// Payloads that it has erased.
    payloads_removed: u64,
    /// Rows that it has deleted.
    rows_deleted: u64,
    /// Dead letters that it has removed.
    dead_letters_removed: u64,
}

impl From<Figures> for RetentionView {
    fn from(figures: Figures) -> Self {
        Self {
            rows: figures.rows,
            bytes: figures.bytes,
            oldest: figures.oldest,
            last_sweep: figures.last_sweep,
            payloads_removed: figures.payloads_removed,
            rows_deleted: figures.rows_deleted,
            dead_letters_removed: figures.dead_letters_removed,
        }
    }
}

/// Returns how much is kept, and what the last sweep of the retention has done.
#[utoipa::path(get, path = "/api/system/retention", operation_id = "getRetention", tag = "system",
    responses(
        (status = 200, description = "The figures", body = RetentionView),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `dashboard`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::Dashboard)?;
    let figures = state
        .database
        .run(async |client| retention::figures(client).await)
        .await?;
    Ok(HttpResponse::Ok().json(RetentionView::from(figures)))
}
