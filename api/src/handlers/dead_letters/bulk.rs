//! What the endpoints that replay and purge have in common.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use tidings_db::dead_letters::MAX_COUNTED;
use tidings_db::replay_jobs::{self, JobKind, NewJob};
use tidings_db::{TransactionOptions, dead_letters};

use super::body::Bulk;
use super::view::DryRun;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::jobs::JobView;
use crate::state::AppState;

/// Creates the job, or counts in a dry run.
pub(super) async fn run(
    state: &AppState,
    caller: &Caller,
    origin: &Origin,
    kind: JobKind,
    bulk: &Bulk,
) -> Result<HttpResponse, ApiError> {
    let filter = &bulk.filter;
    if bulk.dry_run {
        let (figures, example) = state
            .database
            .run(async |client| {
                let figures = dead_letters::capped_figures(client, filter, MAX_COUNTED).await?;
                let (rows, _) = dead_letters::list(client, filter, None, 1).await?;
                Ok((figures, rows.into_iter().next()))
            })
            .await?;
        return Ok(HttpResponse::Ok().json(DryRun::new(figures, example)));
    }
    let job = NewJob {
        kind,
        filter,
        rate_per_second: bulk.rate_per_second,
    };
    let row = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            replay_jobs::create(transaction, &job, &origin.0).await
        })
        .await?;
    tracing::info!(job = %row.id, kind = kind.as_str(), subject = caller.subject(), "job created");
    Ok(HttpResponse::Accepted()
        .insert_header((LOCATION, format!("/api/jobs/{}", row.id)))
        .json(JobView::from(row)))
}
