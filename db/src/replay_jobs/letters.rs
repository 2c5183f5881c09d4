//! The part of a job that is about letters without a row.

use tidings_domain::notification::MessageId;
use tokio_postgres::types::ToSql;

use super::JobKind;
use super::chunk::{Taken, Walk};
use super::in_flight::{LETTER_COLUMNS, StoredLetter};
use crate::Transaction;
use crate::error::DbError;
use crate::notifications::restart_waiting;

/// Takes the next letters of a job. `skip` says why one cannot be replayed.
pub(super) async fn take(
    transaction: &Transaction<'_>,
    walk: &Walk,
    skip: impl Fn(&StoredLetter) -> Option<&'static str>,
) -> Result<Taken, DbError> {
    let after = if walk.after.is_some() {
        "(failed_at, id) > ($9, $10)"
    } else {
        "$9::timestamptz IS NULL AND $10::uuid IS NULL"
    };
    let sql = format!(
        "SELECT {LETTER_COLUMNS}, failed_at FROM dead_letters
         WHERE {} AND failed_at <= $8 AND {after}
         ORDER BY failed_at, id LIMIT $11 FOR UPDATE",
        walk.filter.letter_conditions()
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
    let mut deliveries = Vec::new();
    for letter in rows.iter().map(StoredLetter::from) {
        match (walk.kind, skip(&letter)) {
            (JobKind::Purge, _) => taken.done.push(letter.id),
            (JobKind::Replay, Some(reason)) => taken.skip(reason),
            (JobKind::Replay, None) => match letter.delivery() {
                Some(id) => deliveries.push((letter.id, id)),
                None => taken.in_flight.push(letter.id),
            },
        }
    }
    let ids: Vec<MessageId> = deliveries.iter().map(|(_, id)| *id).collect();
    let restarted = restart_waiting(transaction, &ids).await?;
    for (letter, id) in deliveries {
        match restarted.get(&id) {
            Some(true) => taken.in_flight.push(letter),
            // It is sent at this moment, or has ended.
            Some(false) => taken.skip("changed"),
            None => taken.skip("row_missing"),
        }
    }
    // A body that is in flight is needed until its message is confirmed.
    let statement = transaction
        .prepare_cached(
            "UPDATE dead_letters
             SET removed_at = clock_timestamp(), purged = id = ANY($2), body = CASE WHEN id = ANY($2) THEN NULL ELSE body END
             WHERE id = ANY($1) OR id = ANY($2)",
        )
        .await?;
    transaction
        .execute(&statement, &[&taken.in_flight, &taken.done])
        .await?;
    Ok(taken)
}
