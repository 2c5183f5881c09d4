//! The table `channel_probes`: when operators asked for a probe of the provider of a channel.

use jiff::Timestamp;
use tidings_domain::notification::{Channel, DeliveredChannel};

use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;
use crate::{GenericClient, Transaction, sending_switches};

/// When a probe of each channel was last asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelProbes(Vec<(DeliveredChannel, Timestamp)>);

impl ChannelProbes {
    /// When a probe of `channel` was last asked for.
    #[must_use]
    pub fn of(&self, channel: DeliveredChannel) -> Option<Timestamp> {
        let mut all = self.0.iter();
        all.find(|(its, _)| *its == channel).map(|(_, at)| *at)
    }
}

/// What has become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeRequestResult {
    /// It is made, at this time.
    Requested(Timestamp),
    /// It is not made, because an operator has stopped the channel.
    Stopped,
}

/// Asks for a probe, and writes the entry of the audit log.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn request(
    transaction: &Transaction<'_>,
    channel: DeliveredChannel,
    by: &str,
    origin: &AuditOrigin,
) -> Result<ProbeRequestResult, DbError> {
    let switches = sending_switches::list(transaction).await?;
    if switches.stop_of(channel).is_some() {
        return Ok(ProbeRequestResult::Stopped);
    }
    let statement = transaction
        .prepare_cached(
            "INSERT INTO channel_probes (channel, requested_at, requested_by) VALUES ($1, clock_timestamp(), $2)
             ON CONFLICT (channel) DO UPDATE
             SET requested_at = excluded.requested_at, requested_by = excluded.requested_by
             RETURNING requested_at",
        )
        .await?;
    let row = transaction
        .query_one(&statement, &[&channel.as_str(), &by])
        .await?;
    let entry = origin.entry(Action::SendingProbe);
    audit::record(transaction, &entry.on(TargetKind::Sending, channel)).await?;
    Ok(ProbeRequestResult::Requested(row.get(0)))
}

/// Returns when probes were asked for.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(client: &impl GenericClient) -> Result<ChannelProbes, DbError> {
    let statement = client
        .prepare_cached("SELECT channel, requested_at FROM channel_probes")
        .await?;
    let rows = client.query(&statement, &[]).await?;
    let probes = rows.iter().filter_map(|row| {
        // A newer version may have more channels.
        let channel: Channel = row.get::<_, &str>(0).parse().ok()?;
        Some((channel.delivered()?, row.get(1)))
    });
    Ok(ChannelProbes(probes.collect()))
}
