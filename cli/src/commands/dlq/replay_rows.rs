//! Replays failed notifications from their rows, for `tidings dlq replay --rows`. Their dead letters may be gone: purged,
//! deleted with the queue, or expired by a policy of RabbitMQ.

use anyhow::Context;
use tidings_broker::{MessageFactory, Publisher};
use tidings_db::audit::{self, AuditEntry};
use tidings_db::notifications::{
    FailedDelivery, FailedFilter, failed_deliveries, reset_for_replay,
};
use tidings_db::{Database, TransactionOptions};
use tidings_domain::notification::MessageId;

/// Rows in one transaction.
const BATCH: i64 = 100;

/// Replays the selected rows that are `failed`, or counts them if `publisher` is `None`. Returns their ids. `entry` returns the
/// entry of the audit log about some of them.
pub async fn replay_rows<'a>(
    database: &Database,
    message_factory: &MessageFactory,
    publisher: Option<&Publisher>,
    filter: &FailedFilter,
    entry: impl Fn(&[MessageId]) -> AuditEntry<'a>,
) -> anyhow::Result<Vec<MessageId>> {
    let mut replayed = Vec::new();
    loop {
        let after = replayed.last().copied();
        let batch = database
            .run(async |client| failed_deliveries(client, filter, after, BATCH).await)
            .await
            .context("PostgreSQL failed")?;
        if batch.is_empty() {
            return Ok(replayed);
        }
        if let Some(publisher) = publisher {
            replay_batch(database, message_factory, publisher, &batch, &entry).await?;
        }
        replayed.extend(batch.iter().map(|one| one.request.message_id));
    }
}

/// Changes the rows to `pending`, then publishes. If this dies in between, the next replay publishes them again.
async fn replay_batch<'a>(
    database: &Database,
    message_factory: &MessageFactory,
    publisher: &Publisher,
    batch: &[FailedDelivery],
    entry: &impl Fn(&[MessageId]) -> AuditEntry<'a>,
) -> anyhow::Result<()> {
    database
        .transaction(TransactionOptions::default(), async |transaction| {
            let mut reset = Vec::new();
            for FailedDelivery { request, .. } in batch {
                if reset_for_replay(transaction, request.message_id).await? {
                    reset.push(request.message_id);
                }
            }
            if !reset.is_empty() {
                audit::record(transaction, &entry(&reset)).await?;
            }
            Ok(())
        })
        .await
        .context("PostgreSQL failed")?;
    let message = |one: &FailedDelivery| {
        let message = message_factory.delivery(one.channel, one.request, None);
        message.in_trace(one.trace.clone())
    };
    let messages = batch.iter().map(message).collect();
    let results = publisher.publish_all(messages).await;
    let result: Result<(), _> = results.into_iter().collect();
    result.context("publishing failed")
}
