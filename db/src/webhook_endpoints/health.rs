//! How the endpoints fare: what became of the attempts, and which destinations are down.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use tidings_domain::content::{WebhookUrl, destination_of};
use uuid::Uuid;

use super::WebhookEndpointRow;
use crate::error::DbError;
use crate::{GenericClient, processes};

/// How an endpoint fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointHealth {
    /// Whether its destination is down, as a worker sees it: messages wait.
    pub is_away: bool,
    /// When an attempt last delivered.
    pub last_delivered_at: Option<Timestamp>,
    /// When an attempt last failed.
    pub last_failed_at: Option<Timestamp>,
    /// Attempts that delivered, in the hours that began within the last 24 hours.
    pub delivered: i64,
    /// Attempts that failed, in these hours.
    pub failed: i64,
}

impl EndpointHealth {
    /// The share of the attempts that failed; `None` without attempts.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn failure_ratio(&self) -> Option<f64> {
        let all = self.delivered + self.failed;
        (all > 0).then(|| self.failed as f64 / all as f64)
    }
}

/// Adds finished attempts, which have these ids in `delivery_attempts`, to the figures of their endpoints. What was deferred or
/// throttled counts neither as delivered nor as failed.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn count_attempts(client: &impl GenericClient, attempts: &[i64]) -> Result<(), DbError> {
    // Locks the figures in the order of the endpoints, as everybody does.
    let statement = client
        .prepare_cached(
            "INSERT INTO endpoint_hours AS hours (endpoint_id, hour, delivered, failed, last_delivered_at, last_failed_at)
             SELECT endpoint_id, date_trunc('hour', now()), delivered, failed,
                    CASE WHEN delivered > 0 THEN now() ELSE last_delivered_at END,
                    CASE WHEN failed > 0 THEN now() ELSE last_failed_at END
             FROM (SELECT contact_id AS endpoint_id, count(*) FILTER (WHERE outcome = 'delivered') AS delivered,
                          count(*) FILTER (WHERE outcome <> 'delivered') AS failed
                   FROM delivery_attempts
                   WHERE id = ANY($1) AND contact_id IS NOT NULL
                         AND outcome IN ('delivered', 'failed', 'unknown', 'rejected', 'gone', 'credentials_refused')
                   GROUP BY contact_id) AS added
                  LEFT JOIN LATERAL (
                      SELECT last_delivered_at, last_failed_at FROM endpoint_hours AS before
                      WHERE before.endpoint_id = added.endpoint_id ORDER BY hour DESC LIMIT 1) AS before ON true
             ORDER BY endpoint_id
             ON CONFLICT (endpoint_id, hour) DO UPDATE
             SET delivered = hours.delivered + excluded.delivered, failed = hours.failed + excluded.failed,
                 last_delivered_at = greatest(hours.last_delivered_at, excluded.last_delivered_at),
                 last_failed_at = greatest(hours.last_failed_at, excluded.last_failed_at)",
        )
        .await?;
    client.execute(&statement, &[&attempts]).await?;
    Ok(())
}

/// How these endpoints fare.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn health(
    client: &impl GenericClient,
    endpoints: &[WebhookEndpointRow],
) -> Result<HashMap<Uuid, EndpointHealth>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT endpoint_id, max(last_delivered_at), max(last_failed_at),
                    coalesce(sum(delivered) FILTER (WHERE hour > now() - interval '24 hours'), 0)::bigint,
                    coalesce(sum(failed) FILTER (WHERE hour > now() - interval '24 hours'), 0)::bigint
             FROM endpoint_hours WHERE endpoint_id = ANY($1) GROUP BY endpoint_id",
        )
        .await?;
    let ids: Vec<Uuid> = endpoints.iter().map(|one| one.id).collect();
    let rows = client.query(&statement, &[&ids]).await?;
    let mut all: HashMap<Uuid, EndpointHealth> = rows
        .iter()
        .map(|row| {
            let health = EndpointHealth {
                is_away: false,
                last_delivered_at: row.get(1),
                last_failed_at: row.get(2),
                delivered: row.get(3),
                failed: row.get(4),
            };
            (row.get(0), health)
        })
        .collect();
    let away = away_destinations(client).await?;
    for one in endpoints {
        let url: Option<WebhookUrl> = one.url.parse().ok();
        let is_away = url.is_some_and(|url| away.contains(&destination_of(url.as_url())));
        all.entry(one.id).or_default().is_away = is_away;
    }
    Ok(all)
}

/// The destinations of webhooks that are down as a worker sees them: hosts with their ports.
async fn away_destinations(client: &impl GenericClient) -> Result<HashSet<String>, DbError> {
    let running = processes::running(client).await?;
    let channels = running.into_iter().flat_map(|process| process.channels);
    Ok(channels.flat_map(|channel| channel.away).collect())
}

/// The beginnings of the URLs that lead to a destination that is down, as the index has them.
pub(super) async fn away_origins(client: &impl GenericClient) -> Result<Vec<String>, DbError> {
    let away = away_destinations(client).await?;
    Ok(away.iter().flat_map(|one| origins(one)).collect())
}

/// The origins of a destination. The stored form of a URL leaves out the port of its scheme.
fn origins(destination: &str) -> Vec<String> {
    let mut origins = Vec::new();
    for (scheme, port) in [("https", ":443"), ("http", ":80")] {
        origins.push(format!("{scheme}://{destination}"));
        if let Some(host) = destination.strip_suffix(port) {
            origins.push(format!("{scheme}://{host}"));
        }
    }
    origins
}

/// How long the figures of an hour are kept, in hours.
const KEPT: i32 = 48;

/// The number of rows that one statement deletes.
const CHUNK: i64 = 1000;

/// Deletes the figures of old hours, but for the last hour of each endpoint, and those of endpoints that are deleted. Deletes at most
/// 1000, and returns whether there may be more.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn delete_old_hours(client: &impl GenericClient) -> Result<(u64, bool), DbError> {
    let statement = client
        .prepare_cached(
            "DELETE FROM endpoint_hours WHERE ctid = ANY (ARRAY(
                 SELECT ctid FROM endpoint_hours AS old
                 WHERE hour < now() - make_interval(hours => $1)
                       AND (EXISTS (SELECT FROM endpoint_hours AS newer
                                    WHERE newer.endpoint_id = old.endpoint_id AND newer.hour > old.hour)
                            OR NOT EXISTS (SELECT FROM webhook_endpoints WHERE id = old.endpoint_id))
                 -- The hours that are kept are the oldest. In this order, they are read after all hours to delete.
                 ORDER BY hour DESC LIMIT $2 FOR UPDATE SKIP LOCKED))",
        )
        .await?;
    let deleted = client.execute(&statement, &[&KEPT, &CHUNK]).await?;
    Ok((deleted, deleted >= CHUNK.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_has_the_origins_of_both_schemes() {
        assert_eq!(
            origins("example.com:8443"),
            ["https://example.com:8443", "http://example.com:8443"]
        );
        assert_eq!(
            origins("[::1]:80"),
            ["https://[::1]:80", "http://[::1]:80", "http://[::1]"]
        );
    }
}
