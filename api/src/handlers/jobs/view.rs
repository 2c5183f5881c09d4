use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tidings_db::replay_jobs::JobRow;
use utoipa::ToSchema;
use uuid::Uuid;

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobPage {
    /// The newest first.
    pub(super) jobs: Vec<JobView>,
    /// The `cursor` of the next page; null on the last page.
    pub(super) next_cursor: Option<String>,
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Job)]
pub struct JobView {
    id: Uuid,
    /// `replay` or `purge`.
    #[schema(example = "replay")]
    kind: &'static str,
    /// The conditions of the filter; none for all dead letters.
    #[schema(value_type = Object, example = json!({"reason": "unknown_user"}))]
    filter: Value,
    /// `pending`: waits for a worker. `running`, `paused`. `aborted` and `done`: it has ended.
    #[schema(example = "running")]
    state: &'static str,
    rate_per_second: i32,
    /// How many dead letters the job is about. In the end, the sum of `done`, `failed` and `skipped`.
    total: i64,
    /// Whether there are more than `total`: of many dead letters, the job counts all when it begins.
    is_total_capped: bool,
    /// How many were replayed or purged.
    done: i64,
    /// How many could not be published, and are dead letters again.
    failed: i64,
    /// How many were left as they are.
    skipped: i64,
    /// How many were skipped for each reason: `payload_removed`, `expired`, `cancelled`, `undecodable`, `row_missing`,
    /// `idempotency_key_reused`, `no_channel`, `body_not_stored`, or `changed` if they were dead letters no more.
    #[schema(value_type = Object, example = json!({"expired": 2}))]
    skipped_reasons: Value,
    /// What the dry run would have answered when the job was created, without an example.
    #[schema(value_type = Object, example = json!({"total": 7, "byReason": {"unknown_user": 7}, "byChannel": {"email": 7}, "byProvider": {"none": 7}}))]
    figures: Value,
    /// The subject of the caller, or the user of the operating system.
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// Why it makes no progress, or what it could not do.
    last_error: Option<String>,
}

impl From<JobRow> for JobView {
    fn from(row: JobRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind.as_str(),
            filter: row.filter,
            state: row.state.as_str(),
            rate_per_second: row.rate_per_second,
            total: row.total,
            is_total_capped: row.total_is_capped && !row.state.has_ended(),
            done: row.done,
            failed: row.failed,
            skipped: row.skipped,
            skipped_reasons: row.skipped_reasons,
            figures: row.figures,
            created_by: row.created_by,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            last_error: row.last_error,
        }
    }
}
