use actix_web::HttpResponse;
use tidings_db::TransactionOptions;
use tidings_db::replay_jobs::{self, ControlResult, JobChange};
use uuid::Uuid;

use super::{JobView, not_found};
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// Changes a job, and answers.
pub(super) async fn apply(
    state: &AppState,
    caller: &Caller,
    origin: &Origin,
    id: Uuid,
    change: JobChange,
) -> Result<HttpResponse, ApiError> {
    let result = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            replay_jobs::control(transaction, id, change, &origin.0).await
        })
        .await?;
    match result {
        ControlResult::Changed(job) => {
            tracing::info!(job = %id, state = %job.state, subject = caller.subject(), "job changed");
            Ok(HttpResponse::Ok().json(JobView::from(job)))
        }
        ControlResult::Ended(job) => {
            let message = format!("The job has ended: it is {}", job.state);
            Err(ApiError::conflict("job_has_ended", message))
        }
        ControlResult::Missing => Err(not_found()),
    }
}
