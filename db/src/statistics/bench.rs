//! Statements of the benchmarks.

use tidings_domain::statistics::BUCKETS;

use crate::GenericClient;
use crate::error::DbError;

/// Inserts figures of the last two days by the minute, and of the last 30 days by the hour, for everything that the charts
/// show. Returns how many.
///
/// # Errors
///
/// Returns the error of a statement.
pub async fn insert_history(client: &impl GenericClient) -> Result<u64, DbError> {
    let minutes = insert(client, "stats_minute", "minute", "2 days").await?;
    Ok(minutes + insert(client, "stats_hour", "hour", "30 days").await?)
}

async fn insert(
    client: &impl GenericClient,
    table: &str,
    step: &str,
    past: &str,
) -> Result<u64, DbError> {
    let sql = format!(
        "INSERT INTO {table} ({step}, channel, measure, label, n, sum_ms, buckets)
         SELECT at, channel, measure, label, 600, 60000,
                CASE WHEN measure IN ('recorded', 'delivered') THEN array_fill(16, ARRAY[$1::int]) ELSE '{{}}' END
         FROM generate_series(date_trunc('{step}', now() - interval '{past}'), date_trunc('{step}', now()),
                              interval '1 {step}') AS at
              CROSS JOIN (
                  SELECT channel, measure, '' AS label
                  FROM unnest(ARRAY['email', 'sms', 'push', 'webhook', 'in-app']) AS channel,
                       unnest(ARRAY['accepted', 'recorded', 'delivered', 'suppressed', 'expired']) AS measure
                  UNION ALL
                  SELECT channel, measure, label
                  FROM unnest(ARRAY['email', 'sms', 'push', 'webhook']) AS channel,
                       unnest(ARRAY['failed', 'dead_lettered', 'retried']) AS measure,
                       unnest(ARRAY['provider_failed', 'rejected_by_provider', 'template_error']) AS label
                  UNION ALL
                  SELECT '', measure, 'queue-' || number
                  FROM unnest(ARRAY['depth', 'consumers']) AS measure, generate_series(1, 14) AS number
              ) AS figure
         ON CONFLICT DO NOTHING"
    );
    let buckets = i32::try_from(BUCKETS).unwrap_or(i32::MAX);
    Ok(client.execute(&sql, &[&buckets]).await?)
}
