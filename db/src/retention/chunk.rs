//! One chunk of a sweep.

use jiff::Timestamp;
use uuid::Uuid;

use super::RetentionSettings;
use super::work::Work;
use crate::GenericClient;
use crate::error::DbError;

/// Maximum number of rows in one statement.
pub const CHUNK: usize = 1000;

/// The columns that [`Work::due`] needs.
const COLUMNS: &str = "message_id, status, type, sensitive, payload_removed_at, ended_at, processed_at, replayed_at, \
                       created_at, expires_at";

/// Rows to change.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    /// The ids of those that are due: message ids, except for tables of accounts.
    pub(super) due: Vec<Uuid>,
    /// Whether there may be more.
    pub(super) is_full: bool,
    /// After which row a walk goes on.
    pub(super) last: Option<Uuid>,
    /// A later walk may begin after this row.
    pub(super) settled_through: Option<Uuid>,
    /// When the last row was accepted.
    pub(super) accepted_at: Option<Timestamp>,
}

/// Looks at the next rows in the order of their ids, which is that of their acceptance.
pub(super) async fn walk(
    client: &impl GenericClient,
    work: Work,
    settings: &RetentionSettings,
    everything: bool,
    after: Option<Uuid>,
) -> Result<Found, DbError> {
    let Some([may_be_due, settled]) = work.walked(settings, everything) else {
        return Ok(Found::default());
    };
    let sql = format!(
        "SELECT id, message_id, created_at, {}, {may_be_due}, {settled}
         FROM notifications WHERE id > $1 ORDER BY id LIMIT {CHUNK}",
        work.due(settings)
    );
    let statement = client.prepare_cached(&sql).await?;
    // No row has the smallest UUID.
    let rows = client
        .query(&statement, &[&after.unwrap_or_default()])
        .await?;
    let is =
        |row: &tokio_postgres::Row, column| row.get::<_, Option<bool>>(column).unwrap_or(false);
    let mut found = Found {
        is_full: rows.len() == CHUNK,
        ..Found::default()
    };
    let mut is_settled = true;
    for row in &rows {
        if !is(row, 4) {
            // All rows after this one are younger.
            found.is_full = false;
            break;
        }
        let id = row.get(0);
        is_settled &= is(row, 5);
        if is_settled {
            found.settled_through = Some(id);
        }
        if is(row, 3) {
            found.due.push(row.get(1));
        }
        found.last = Some(id);
        found.accepted_at = Some(row.get(2));
    }
    Ok(found)
}

/// Finds rows by the indexes of their ends.
pub(super) async fn find(
    client: &impl GenericClient,
    work: Work,
    settings: &RetentionSettings,
) -> Result<Found, DbError> {
    let (table, key) = (work.table(), work.key());
    let part = |(condition, order)| {
        format!("(SELECT {key} FROM {table} WHERE {condition} ORDER BY {order} LIMIT {CHUNK})")
    };
    let parts: Vec<String> = work.indexed(settings).into_iter().map(part).collect();
    let sql = format!(
        "SELECT {key} FROM ({}) AS found LIMIT {CHUNK}",
        parts.join(" UNION ALL ")
    );
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[]).await?;
    Ok(Found {
        due: rows.iter().map(|row| row.get(0)).collect(),
        is_full: rows.len() == CHUNK,
        ..Found::default()
    })
}

/// Counts what [`find`] would find without a limit.
pub(super) async fn count(
    client: &impl GenericClient,
    work: Work,
    settings: &RetentionSettings,
) -> Result<u64, DbError> {
    let table = work.table();
    let part = |(condition, _)| format!("SELECT FROM {table} WHERE {condition}");
    let parts: Vec<String> = work.indexed(settings).into_iter().map(part).collect();
    let sql = format!(
        "SELECT count(*) FROM ({}) AS found",
        parts.join(" UNION ALL ")
    );
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_one(&statement, &[]).await?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
}

/// Does the work for those of `ids` that are still due and that no other transaction has locked. Returns their number.
pub(super) async fn change(
    client: &impl GenericClient,
    work: Work,
    settings: &RetentionSettings,
    ids: &[Uuid],
) -> Result<u64, DbError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let due = work.due(settings);
    // See `notifications::claim` for the order of the locks and `OFFSET 0`.
    let locked = |strength: &str| {
        format!(
            "WITH due AS (
                 SELECT message_id
                 FROM (SELECT id FROM unnest($1::uuid[]) AS wanted (id) ORDER BY id) AS wanted
                      CROSS JOIN LATERAL (
                          SELECT {COLUMNS} FROM notifications
                          WHERE notifications.message_id = wanted.id OFFSET 0 FOR {strength} SKIP LOCKED) AS found
                 WHERE {due}
             )"
        )
    };
    let sql = match work {
        Work::SensitivePayloads | Work::Payloads => format!(
            "{} UPDATE notifications SET payload = '{{}}', payload_removed_at = now(),
                    fingerprint = CASE WHEN sensitive THEN NULL ELSE fingerprint END
                FROM due WHERE notifications.message_id = due.message_id",
            locked("NO KEY UPDATE")
        ),
        // The attempts go with their row: ON DELETE CASCADE.
        Work::Rows => format!(
            "{} DELETE FROM notifications USING due WHERE notifications.message_id = due.message_id",
            locked("UPDATE")
        ),
        Work::Cancellations
        | Work::Digests
        | Work::Sessions
        | Work::ContactCodes
        | Work::PasswordResets
        | Work::Invites
        | Work::DashboardSessions
        | Work::DashboardLinks => {
            let (table, key) = (work.table(), work.key());
            format!("DELETE FROM {table} WHERE {key} = ANY($1) AND {due}")
        }
    };
    let statement = client.prepare_cached(&sql).await?;
    Ok(client.execute(&statement, &[&ids]).await?)
}
