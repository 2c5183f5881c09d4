//! The table `rate_buckets`: what the callers of the API have used of their limits. The processes of the API share it.

use std::time::Duration;

use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// What a process asks for on behalf of a caller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeaseRequest {
    /// The caller.
    pub key: Uuid,
    /// The time in which one request is refilled.
    pub period: Duration,
    /// How many requests the caller may send at once.
    pub burst: u32,
    /// Requests that were admitted already. They are charged in any case, even as a debt.
    pub admitted: u32,
    /// How many requests the process wants in advance. It gets at most as many as are left.
    pub wanted: u32,
}

/// What a process gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lease {
    /// How many requests it has in advance.
    pub granted: u32,
    /// The time until everything that was leased is refilled.
    pub refilled_in: Duration,
}

/// Charges a caller for requests, and leases some in advance.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn lease(client: &impl GenericClient, request: &LeaseRequest) -> Result<Lease, DbError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO rate_buckets AS bucket (key, tat, leased)
             SELECT $1, now() + make_interval(secs => $2::float8 * leased), leased
             FROM (SELECT $4::int + least($5::int, greatest($3::int - $4::int, 0)) AS leased) AS new
             ON CONFLICT (key) DO UPDATE SET (tat, leased) = (
                 SELECT start + make_interval(secs => $2::float8 * granted), granted
                 FROM (SELECT greatest(bucket.tat, now()) AS start) AS s
                      CROSS JOIN LATERAL (
                          SELECT floor($3::int - extract(epoch FROM start - now())::float8 / $2::float8) AS free) AS f
                      CROSS JOIN LATERAL (
                          SELECT $4::int + least($5::int, greatest(free - $4::int, 0)::int) AS granted) AS g)
             RETURNING leased, extract(epoch FROM tat - now())::float8",
        )
        .await?;
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX / 4);
    let (burst, admitted) = (number(request.burst), number(request.admitted));
    let (period, wanted) = (request.period.as_secs_f64(), number(request.wanted));
    let row = client
        .query_one(
            &statement,
            &[&request.key, &period, &burst, &admitted, &wanted],
        )
        .await?;
    let leased: i32 = row.get(0);
    let refilled_in: f64 = row.get(1);
    Ok(Lease {
        granted: u32::try_from(leased.saturating_sub(admitted)).unwrap_or_default(),
        refilled_in: Duration::try_from_secs_f64(refilled_in).unwrap_or_default(),
    })
}

/// Deletes at most 1000 rows of callers that have their whole burst again. Returns how many.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn delete_refilled(client: &impl GenericClient) -> Result<u64, DbError> {
    let statement = client
        .prepare_cached(
            "DELETE FROM rate_buckets WHERE key IN (
                 SELECT key FROM rate_buckets WHERE tat < now() ORDER BY key LIMIT 1000 FOR UPDATE SKIP LOCKED)",
        )
        .await?;
    Ok(client.execute(&statement, &[]).await?)
}
