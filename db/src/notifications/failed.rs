use tidings_domain::notification::{DeliveredChannel, DeliveryKind, DeliveryRequest, MessageId};
use tidings_domain::trace::TraceContext;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;
use crate::trace_columns::{self, TRACE_COLUMNS};

/// Which failed notifications of delivered channels [`failed_deliveries`] returns.
#[derive(Clone, Debug, Default)]
pub struct FailedFilter {
    /// Only those of this channel.
    pub channel: Option<DeliveredChannel>,
    /// Only these. Empty stands for all.
    pub ids: Vec<MessageId>,
}

/// A failed notification of a delivered channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedDelivery {
    /// The request to deliver it.
    pub request: DeliveryRequest,
    /// Its channel.
    pub channel: DeliveredChannel,
    /// The trace that it belongs to.
    pub trace: Option<TraceContext>,
}

/// Returns the requests to deliver up to `limit` failed notifications of delivered channels, in the order of their message ids, beginning after
/// `after`. Also returns those that wait since a replay: it may have died before it published their messages, and a second
/// message is harmless. Leaves out those whose payload is removed.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn failed_deliveries(
    client: &impl GenericClient,
    filter: &FailedFilter,
    after: Option<MessageId>,
    limit: i64,
) -> Result<Vec<FailedDelivery>, DbError> {
    let sql = format!(
        "SELECT message_id, type, user_id IS NOT NULL, category IS NOT NULL, {TRACE_COLUMNS} FROM notifications
         WHERE payload_removed_at IS NULL
           AND (status = 'failed' OR (status = 'pending' AND replayed_at IS NOT NULL))
           AND type = ANY($1)
           AND ($2::uuid[] IS NULL OR message_id = ANY($2))
           AND ($3::uuid IS NULL OR message_id > $3)
         ORDER BY message_id LIMIT $4"
    );
    let statement = client.prepare_cached(&sql).await?;
    let channels: Vec<&str> = DeliveredChannel::ALL
        .into_iter()
        .filter(|channel| filter.channel.is_none_or(|wanted| wanted == *channel))
        .map(DeliveredChannel::as_str)
        .collect();
    let ids: Option<Vec<Uuid>> =
        (!filter.ids.is_empty()).then(|| filter.ids.iter().map(|id| id.as_uuid()).collect());
    let after = after.map(MessageId::as_uuid);
    let rows = client
        .query(&statement, &[&channels, &ids, &after, &limit])
        .await?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            let channel = row.get::<_, &str>(1);
            let channel = DeliveredChannel::ALL
                .into_iter()
                .find(|it| it.as_str() == channel)?;
            let request = DeliveryRequest {
                message_id: row.get::<_, Uuid>(0).into(),
                kind: DeliveryKind::of(row.get(2), row.get(3)),
            };
            Some(FailedDelivery {
                request,
                channel,
                trace: trace_columns::read(row, 4),
            })
        })
        .collect())
}
