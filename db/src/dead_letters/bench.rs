//! Statements of the benchmarks.

use jiff::Timestamp;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// The notifications of an installation that has run for a while. Of five, one has failed. Of ten that have failed, one is
/// in-app.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// The users, in turn.
    pub users: &'a [UserId],
    /// When the last one was accepted.
    pub until: Timestamp,
    /// From the first one to the last one, in days.
    pub days: u32,
    /// How many there are.
    pub rows: u32,
}

/// Inserts the notifications with the numbers from `first` to `last`. Each failed one has an attempt.
///
/// # Errors
///
/// Returns the error of a statement.
pub async fn insert_history(
    client: &impl GenericClient,
    history: History<'_>,
    first: u32,
    last: u32,
) -> Result<(), DbError> {
    let users: Vec<Uuid> = history.users.iter().map(|user| user.as_uuid()).collect();
    let seconds_between = f64::from(history.days) * 86_400.0 / f64::from(history.rows.max(1));
    let statement = client
        .prepare_cached(
            // The ids are of version 7: the first 48 bits are the time, in milliseconds.
            "INSERT INTO notifications (id, message_id, user_id, type, status, payload, sender, category, created_at,
                                        processed_at, ended_at, failure_reason, failed_at)
             SELECT id, id, ($1::uuid[])[1 + (n * 2654435761 >> 12) % array_length($1, 1)], channel,
                    CASE WHEN failed THEN 'failed' ELSE 'processed' END,
                    jsonb_build_object('title', 'Your order has shipped!', 'subject', 'Your order has shipped!',
                                       'to', 'https://hooks-' || n % 1000 || '.example.com/orders', 'number', n,
                                       'text', repeat('x', 180)),
                    'tidings-bench', NULL, at, CASE WHEN NOT failed THEN at END, at,
                    CASE WHEN failed THEN (ARRAY['provider_failed', 'rejected_by_provider', 'template_error'])[1 + n / 5 % 3] END,
                    CASE WHEN failed THEN at END
             FROM generate_series($2::bigint, $3::bigint) AS n
                  CROSS JOIN LATERAL (SELECT $4::timestamptz - ($5 - n) * make_interval(secs => $6) AS at, n % 5 = 0 AS failed,
                                             (ARRAY['in-app', 'email', 'sms', 'push', 'webhook', 'email', 'email', 'sms', 'push',
                                                    'webhook'])[1 + n / 5 % 10] AS channel) AS time
                  CROSS JOIN LATERAL (
                      SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000'
                              || '8' || substr(md5(n::text), 1, 15))::uuid AS id) AS new",
        )
        .await?;
    let (first, last, rows) = (i64::from(first), i64::from(last), i64::from(history.rows));
    client
        .execute(
            &statement,
            &[
                &users,
                &first,
                &last,
                &history.until,
                &rows,
                &seconds_between,
            ],
        )
        .await?;
    let attempts = client
        .prepare_cached(
            "INSERT INTO delivery_attempts (message_id, attempt, provider, started_at, duration_ms, outcome,
                                            provider_reference, error)
             SELECT message_id, 0, type || '-provider', created_at, 120, 'failed', 'reference-' || (payload ->> 'number'),
                    'the provider answered 503'
             FROM notifications
             WHERE (payload ->> 'number')::bigint BETWEEN $1 AND $2 AND status = 'failed' AND type <> 'in-app'
                   AND created_at BETWEEN $3::timestamptz - ($4 - $1) * make_interval(secs => $5)
                                      AND $3::timestamptz - ($4 - $2) * make_interval(secs => $5)
                   AND coalesce(failed_at, ended_at, created_at)
                       BETWEEN $3::timestamptz - ($4 - $1) * make_interval(secs => $5)
                           AND $3::timestamptz - ($4 - $2) * make_interval(secs => $5)
                   AND purged_at IS NULL",
        )
        .await?;
    client
        .execute(
            &attempts,
            &[&first, &last, &history.until, &rows, &seconds_between],
        )
        .await?;
    Ok(())
}

/// Brings the tables into the state that autovacuum keeps them in. Must not be called in a transaction.
///
/// # Errors
///
/// Returns the error of the statement.
pub async fn vacuum(client: &impl GenericClient) -> Result<(), DbError> {
    client.execute("SET statement_timeout = 0", &[]).await?;
    let vacuumed = client
        .execute(
            "VACUUM (ANALYZE) notifications, delivery_attempts, stats_minute, stats_hour",
            &[],
        )
        .await;
    client.execute("RESET statement_timeout", &[]).await?;
    vacuumed?;
    Ok(())
}
