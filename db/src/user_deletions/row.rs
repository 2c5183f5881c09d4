use jiff::Timestamp;
use tidings_domain::notification::UserId;
use tokio_postgres::Row;
use uuid::Uuid;

/// The columns of a [`DeletionRow`].
pub(super) const COLUMNS: &str =
    "id, user_id, requested_at, due_at, status, requested_by, reason, finished_at";

/// How far a deletion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionStatus {
    /// It can be cancelled.
    Waiting,
    /// The erasure runs.
    Erasing,
    /// The user is gone.
    Done,
    /// It was cancelled, and the user stays.
    Cancelled,
}

impl DeletionStatus {
    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Erasing => "erasing",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// The table contains no other names.
    fn of(name: &str) -> Self {
        match name {
            "waiting" => Self::Waiting,
            "erasing" => Self::Erasing,
            "cancelled" => Self::Cancelled,
            _ => Self::Done,
        }
    }
}

/// A deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionRow {
    /// A UUIDv7.
    pub id: Uuid,
    /// The user.
    pub user_id: UserId,
    /// When it was requested.
    pub requested_at: Timestamp,
    /// When the erasure may begin.
    pub due_at: Timestamp,
    /// How far it is.
    pub status: DeletionStatus,
    /// Who requested it.
    pub requested_by: String,
    /// What the caller says about it.
    pub reason: Option<String>,
    /// When it was done or cancelled.
    pub finished_at: Option<Timestamp>,
}

impl From<&Row> for DeletionRow {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            user_id: row.get::<_, Uuid>("user_id").into(),
            requested_at: row.get("requested_at"),
            due_at: row.get("due_at"),
            status: DeletionStatus::of(row.get("status")),
            requested_by: row.get("requested_by"),
            reason: row.get("reason"),
            finished_at: row.get("finished_at"),
        }
    }
}
