//! Statements of the benchmarks.

use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// Inserts users. Returns their ids.
///
/// # Errors
///
/// Returns the error of the statement.
pub async fn insert_users(client: &impl GenericClient, count: u32) -> Result<Vec<UserId>, DbError> {
    let rows = client
        .query(
            "INSERT INTO users (id, username)
             SELECT id, 'tidings-bench-' || id FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $1::bigint)) AS new
             RETURNING id",
            &[&i64::from(count)],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| row.get::<_, Uuid>(0).into())
        .collect())
}

/// Inserts in-app notifications for a user with the numbers from `first` to `last`, each newer than the one before: of 200,
/// one is unread, 20 are archived, and the others are read.
///
/// # Errors
///
/// Returns the error of the statement.
pub async fn insert_notifications(
    client: &impl GenericClient,
    user: UserId,
    first: u32,
    last: u32,
) -> Result<(), DbError> {
    client
        .execute(
            // The ids are of version 7: the first 48 bits are the time, in milliseconds. Each has its own, a second after the
            // one before.
            "INSERT INTO notifications (id, message_id, user_id, type, status, payload, sender, created_at, processed_at,
                                        read_at, archived_at, state_xid)
             SELECT id, id, $1, 'in-app', 'processed', jsonb_build_object('title', 'Your order has shipped!', 'number', n,
                                                                         'text', repeat('x', 180)),
                    'tidings-bench', at, at, CASE WHEN n % 200 > 0 THEN at END, CASE WHEN n % 10 = 1 THEN at END,
                    CASE WHEN n % 200 > 0 THEN pg_current_xact_id() END
             FROM generate_series($2::bigint, $3::bigint) AS n
                  CROSS JOIN LATERAL (SELECT timestamptz '2026-01-01 00:00:00Z' + n * interval '1 second' AS at) AS time
                  CROSS JOIN LATERAL (
                      SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000'
                              || '8' || substr(md5(n::text), 1, 15))::uuid AS id) AS new",
            &[&user.as_uuid(), &i64::from(first), &i64::from(last)],
        )
        .await?;
    Ok(())
}

/// Brings the table into the state that autovacuum keeps it in. Must not be called in a transaction.
///
/// # Errors
///
/// Returns the error of the statement.
pub async fn vacuum(client: &impl GenericClient) -> Result<(), DbError> {
    client.execute("SET statement_timeout = 0", &[]).await?;
    let vacuumed = client.execute("VACUUM (ANALYZE) notifications", &[]).await;
    client.execute("RESET statement_timeout", &[]).await?;
    vacuumed?;
    Ok(())
}

/// Drops the index of in-app notifications that only streams read. The other indexes of inboxes contain what is read or
/// archived, so the intake writes nothing into them.
///
/// # Errors
///
/// Returns the error of the statement.
pub async fn drop_stream_index(client: &impl GenericClient) -> Result<(), DbError> {
    client
        .execute("DROP INDEX notifications_inbox_idx", &[])
        .await?;
    Ok(())
}
