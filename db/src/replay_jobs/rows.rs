//! The part of a job that is about failed notifications.

use tidings_domain::notification::{Channel, MessageId, UserId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::JobKind;
use super::chunk::{Taken, Walk};
use crate::Transaction;
use crate::dead_letters::FAILED_AT;
use crate::error::DbError;
use crate::notifications::{mark_processed, reset_for_replay};

/// A failed row.
struct Failed {
    id: MessageId,
    user: Option<UserId>,
    is_in_app: bool,
    /// Why it cannot be replayed.
    skip: Option<&'static str>,
}

impl From<&Row> for Failed {
    fn from(row: &Row) -> Self {
        let skip = if row.get(3) {
            Some("payload_removed")
        } else if row.get(4) {
            Some("expired")
        } else if row.get(5) {
            Some("cancelled")
        } else {
            None
        };
        Self {
            id: row.get::<_, Uuid>(0).into(),
            user: row.get::<_, Option<Uuid>>(1).map(UserId::from),
            is_in_app: row.get::<_, &str>(2) == Channel::InApp.as_str(),
            skip,
        }
    }
}

/// Takes the next failed rows of a job.
pub(super) async fn take(transaction: &Transaction<'_>, walk: &Walk) -> Result<Taken, DbError> {
    let after = if walk.after.is_some() {
        format!("({FAILED_AT}, message_id) > ($7, $8)")
    } else {
        "$7::timestamptz IS NULL AND $8::uuid IS NULL".to_owned()
    };
    let sql = format!(
        "SELECT message_id, user_id, type, payload_removed_at IS NOT NULL, coalesce(expires_at <= now(), false),
                EXISTS (SELECT FROM cancellations WHERE cancellations.message_id = notifications.message_id),
                {FAILED_AT} AS at
         FROM notifications WHERE {} AND {FAILED_AT} <= $6 AND {after}
         ORDER BY {FAILED_AT}, message_id LIMIT $9",
        walk.filter.row_conditions()
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let (time, id) = walk.after.unzip();
    let ids = walk.filter.ids_parameter();
    let mut parameters = walk.filter.parameters(&ids);
    let more: [&(dyn ToSql + Sync); 4] = [&walk.created_at, &time, &id, &walk.limit];
    parameters.extend(more);
    let rows = transaction.query(&statement, &parameters).await?;
    let mut taken = Taken {
        last: rows.last().map(|row| (row.get(6), row.get(0))),
        ..Taken::default()
    };
    let mut failed: Vec<Failed> = rows.iter().map(Failed::from).collect();
    // Everybody locks rows in this order.
    failed.sort_unstable_by_key(|one| one.id);
    match walk.kind {
        JobKind::Replay => replay(transaction, &failed, &mut taken).await?,
        JobKind::Purge => purge(transaction, &failed, &mut taken).await?,
    }
    Ok(taken)
}

async fn replay(
    transaction: &Transaction<'_>,
    failed: &[Failed],
    taken: &mut Taken,
) -> Result<(), DbError> {
    for one in failed {
        if let Some(reason) = one.skip {
            taken.skip(reason);
        } else if !reset_for_replay(transaction, one.id).await? {
            // Another replay was faster, or retention.
            taken.skip("changed");
        } else if one.is_in_app {
            mark_processed(transaction, one.id).await?;
            taken.done.push(one.id.as_uuid());
            taken.processed_users.extend(one.user);
        } else {
            taken.in_flight.push(one.id.as_uuid());
        }
    }
    Ok(())
}

async fn purge(
    transaction: &Transaction<'_>,
    failed: &[Failed],
    taken: &mut Taken,
) -> Result<(), DbError> {
    let statement = transaction
        .prepare_cached(
            "UPDATE notifications SET purged_at = clock_timestamp()
             WHERE message_id = $1 AND status = 'failed' AND purged_at IS NULL",
        )
        .await?;
    for one in failed {
        if transaction
            .execute(&statement, &[&one.id.as_uuid()])
            .await?
            == 1
        {
            taken.done.push(one.id.as_uuid());
        } else {
            taken.skip("changed");
        }
    }
    Ok(())
}
