//! The part of a job that is about failed notifications.

use tidings_domain::notification::{Channel, MessageId, UserId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::JobKind;
use super::chunk::{Taken, Walk};
use crate::Transaction;
use crate::error::DbError;
use crate::notifications::{mark_all_processed, purge_failed, reset_all_for_replay};

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
    let source = walk.filter.row_source();
    let (tables, at, id) = (source.tables, source.at, source.id);
    let after = if walk.after.is_some() {
        format!("({at}, {id}) > ($9, $10)")
    } else {
        "$9::timestamptz IS NULL AND $10::uuid IS NULL".to_owned()
    };
    let sql = format!(
        "SELECT message_id, user_id, type, payload_removed_at IS NOT NULL, coalesce(expires_at <= now(), false),
                EXISTS (SELECT FROM cancellations WHERE cancellations.message_id = notifications.message_id),
                {at} AS at
         FROM {tables} WHERE {} AND {at} <= $8 AND {after}
         ORDER BY {at}, {id} LIMIT $11",
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
    let failed: Vec<Failed> = rows.iter().map(Failed::from).collect();
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
    let replayable = failed.iter().filter(|one| one.skip.is_none());
    let ids: Vec<MessageId> = replayable.map(|one| one.id).collect();
    let reset = reset_all_for_replay(transaction, &ids).await?;
    let in_app = failed
        .iter()
        .filter(|one| one.is_in_app && reset.contains(&one.id));
    let in_app: Vec<MessageId> = in_app.map(|one| one.id).collect();
    mark_all_processed(transaction, &in_app).await?;
    for one in failed {
        if let Some(reason) = one.skip {
            taken.skip(reason);
        } else if !reset.contains(&one.id) {
            // Another replay was faster, or retention.
            taken.skip("changed");
        } else if one.is_in_app {
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
    let ids: Vec<MessageId> = failed.iter().map(|one| one.id).collect();
    let purged = purge_failed(transaction, &ids).await?;
    for one in failed {
        if purged.contains(&one.id) {
            taken.done.push(one.id.as_uuid());
        } else {
            taken.skip("changed");
        }
    }
    Ok(())
}
