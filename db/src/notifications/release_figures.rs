//! How many scheduled notifications wait, and how long.

use std::time::Duration;

use tidings_domain::notification::Channel;

use crate::GenericClient;
use crate::error::DbError;

/// How late the oldest due notification is, leaving out channels that an operator has stopped; `None` if no notification is
/// due.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn overdue(client: &impl GenericClient) -> Result<Option<Duration>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT extract(epoch FROM now() - min(oldest.not_before))::float8
             FROM unnest($1::text[]) AS channel (name)
                  CROSS JOIN LATERAL (
                      SELECT not_before FROM notifications
                      WHERE status = 'scheduled' AND type = channel.name AND not_before <= now()
                      ORDER BY not_before LIMIT 1) AS oldest
             WHERE channel.name = 'in-app'
                   OR NOT EXISTS (SELECT FROM sending_switches AS switch
                                  WHERE switch.channel IN ('*', channel.name) AND stopped)",
        )
        .await?;
    let late: Option<f64> = client
        .query_one(&statement, &[&channel_names()])
        .await?
        .get(0);
    Ok(late.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}

/// How many notifications of each channel wait for a scheduler because RabbitMQ was away.
#[derive(Clone, Debug, Default)]
pub struct HeldForBroker(Vec<(Channel, u32)>);

impl HeldForBroker {
    /// The number of one channel.
    #[must_use]
    pub fn of(&self, channel: Channel) -> u32 {
        let mut counts = self.0.iter();
        counts
            .find(|(its, _)| *its == channel)
            .map_or(0, |(_, count)| *count)
    }
}

/// Counts the notifications that wait for a scheduler because RabbitMQ was away, up to `max` of each
/// channel.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn held_for_broker(
    client: &impl GenericClient,
    max: u32,
) -> Result<HeldForBroker, DbError> {
    // The condition is that of the index `notifications_broker_idx`.
    let statement = client
        .prepare_cached(
            "SELECT channel.name, held.count
             FROM unnest($1::text[]) AS channel (name)
                  CROSS JOIN LATERAL (
                      SELECT count(*) FROM (SELECT FROM notifications
                                            WHERE status = 'scheduled' AND reason = 'broker' AND type = channel.name
                                            LIMIT $2) AS counted) AS held",
        )
        .await?;
    let rows = client
        .query(&statement, &[&channel_names(), &i64::from(max)])
        .await?;
    let counts = rows.iter().filter_map(|row| {
        let channel = row.get::<_, &str>(0).parse().ok()?;
        Some((
            channel,
            u32::try_from(row.get::<_, i64>(1)).unwrap_or(u32::MAX),
        ))
    });
    Ok(HeldForBroker(counts.collect()))
}

fn channel_names() -> Vec<&'static str> {
    Channel::ALL.map(Channel::as_str).to_vec()
}
