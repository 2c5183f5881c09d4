//! `GET /api/stats/queues`.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use tidings_broker::{QueueKind, QueueStatus, Stage};
use tidings_domain::access::Scope;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// The queues of the installation.
#[derive(Debug, Serialize, ToSchema)]
pub struct Queues {
    /// The work queues, the wait queues, the delay queues of the ladder from the first rung on, and the dead-letter queue.
    queues: Vec<QueueView>,
}

/// One queue.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueueView {
    /// Its name on the broker.
    #[schema(example = "notifications_queue.email")]
    name: String,
    /// Its name in `/api/stats?by=queue` and in metrics.
    #[schema(example = "email", value_type = String)]
    label: Cow<'static, str>,
    /// What it is for: `work`, `wait`, `retry` or `dead_letters`.
    #[schema(example = "work")]
    kind: &'static str,
    /// The channel whose notifications wait in it for their delivery; null for other queues.
    channel: Option<&'static str>,
    /// Its ready messages, about a second ago; null if the broker does not answer.
    depth: Option<u32>,
    /// Its consumers, about a second ago; null if the broker does not answer.
    consumers: Option<u32>,
}

/// Returns how many messages wait in each queue now, and how many consumers it has.
#[utoipa::path(get, path = "/api/stats/queues", operation_id = "getQueues", tag = "statistics",
    responses(
        (status = 200, description = "The queues", body = Queues),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `dashboard`", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::Dashboard)?;
    let queues = state.depths.all().into_iter().map(QueueView::from);
    Ok(HttpResponse::Ok().json(Queues {
        queues: queues.collect(),
    }))
}

impl From<QueueStatus> for QueueView {
    fn from(queue: QueueStatus) -> Self {
        let (kind, channel) = match queue.kind {
            QueueKind::Work(Stage::Delivery(channel)) => ("work", Some(channel.as_str())),
            QueueKind::Work(Stage::Intake | Stage::Event(_)) => ("work", None),
            QueueKind::Wait => ("wait", None),
            QueueKind::Rung { .. } => ("retry", None),
            QueueKind::DeadLetters => ("dead_letters", None),
        };
        Self {
            name: queue.name,
            label: queue.label,
            kind,
            channel,
            depth: queue.counts.map(|counts| counts.messages),
            consumers: queue.counts.map(|counts| counts.consumers),
        }
    }
}
