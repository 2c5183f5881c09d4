//! The table `attempt_limits`: how often logins have failed, and how often clients have registered.

use std::net::IpAddr;
use std::time::Duration;

use crate::GenericClient;
use crate::error::DbError;

/// Whose attempts are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptKey<'a> {
    /// Digest of what is tried.
    pub key: &'a [u8],
    /// The network, as its first address; `None` for all networks together.
    pub network: Option<IpAddr>,
}

impl AttemptKey<'_> {
    /// The unspecified address stands for all networks.
    fn network(&self) -> IpAddr {
        self.network.unwrap_or(IpAddr::from([0, 0, 0, 0]))
    }
}

/// How attempts that fail are slowed down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptPolicy {
    /// This many attempts are free.
    pub free: i32,
    /// How long the first attempt above them blocks further ones. Doubles with each.
    pub first_block: Duration,
    /// How long an attempt blocks further ones at most.
    pub longest_block: Duration,
    /// Counting begins anew after so long.
    pub window: Duration,
}

/// Returns how long further attempts are refused; `None` if they are not.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn blocked_for(
    client: &impl GenericClient,
    key: AttemptKey<'_>,
) -> Result<Option<Duration>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT extract(epoch FROM blocked_until - now())::float8 FROM attempt_limits
             WHERE key = $1 AND network = $2 AND blocked_until > now()",
        )
        .await?;
    let row = client
        .query_opt(&statement, &[&key.key, &key.network()])
        .await?;
    Ok(row.and_then(|row| Duration::try_from_secs_f64(row.get(0)).ok()))
}

/// Counts an attempt that has failed. Returns how many there were in the window.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn count(
    client: &impl GenericClient,
    key: AttemptKey<'_>,
    policy: AttemptPolicy,
) -> Result<i32, DbError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO attempt_limits AS old (key, network, attempts, since, last_at, blocked_until)
             VALUES ($1, $2, 1, now(), now(), CASE WHEN $3 <= 1 THEN now() + make_interval(secs => $4) END)
             ON CONFLICT (key, network) DO UPDATE
             SET (attempts, since, last_at, blocked_until) = (
                 SELECT attempts, since, now(),
                        CASE WHEN attempts >= $3
                             THEN now() + make_interval(secs => least($4 * 2.0 ^ least(attempts - $3, 30), $5)) END
                 FROM (SELECT CASE WHEN is_old THEN 1 ELSE old.attempts + 1 END AS attempts,
                              CASE WHEN is_old THEN now() ELSE old.since END AS since
                       FROM (SELECT old.since <= now() - make_interval(secs => $6)) AS age (is_old)) AS new)
             RETURNING attempts",
        )
        .await?;
    let row = client
        .query_one(
            &statement,
            &[
                &key.key,
                &key.network(),
                &policy.free,
                &policy.first_block.as_secs_f64(),
                &policy.longest_block.as_secs_f64(),
                &policy.window.as_secs_f64(),
            ],
        )
        .await?;
    Ok(row.get(0))
}

/// Takes one of `limit` attempts in a window. Returns how long to wait if there are none left.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn take(
    client: &impl GenericClient,
    key: AttemptKey<'_>,
    limit: i32,
    window: Duration,
) -> Result<Option<Duration>, DbError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO attempt_limits AS old (key, network, attempts, since, last_at)
             VALUES ($1, $2, 1, now(), now())
             ON CONFLICT (key, network) DO UPDATE
             SET attempts = CASE WHEN old.since <= now() - make_interval(secs => $3) THEN 1
                                 ELSE least(old.attempts, $4) + 1 END,
                 since    = CASE WHEN old.since <= now() - make_interval(secs => $3) THEN now() ELSE old.since END,
                 last_at  = now()
             RETURNING attempts, extract(epoch FROM since + make_interval(secs => $3) - now())::float8",
        )
        .await?;
    let row = client
        .query_one(
            &statement,
            &[&key.key, &key.network(), &window.as_secs_f64(), &limit],
        )
        .await?;
    let wait = Duration::try_from_secs_f64(row.get(1)).unwrap_or_default();
    Ok((row.get::<_, i32>(0) > limit).then_some(wait))
}

/// Takes the one attempt that a key has in `interval` once `threshold` attempts in `window` have failed. Returns how long to
/// wait if it is taken.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn take_slowly(
    client: &impl GenericClient,
    key: AttemptKey<'_>,
    threshold: i32,
    window: Duration,
    interval: Duration,
) -> Result<Option<Duration>, DbError> {
    let statement = client
        .prepare_cached(
            "WITH taken AS (
                 UPDATE attempt_limits SET blocked_until = now() + make_interval(secs => $5)
                 WHERE key = $1 AND network = $2 AND attempts >= $3 AND since > now() - make_interval(secs => $4)
                       AND (blocked_until IS NULL OR blocked_until <= now())
                 RETURNING 1)
             SELECT EXISTS (SELECT FROM attempt_limits
                            WHERE key = $1 AND network = $2 AND attempts >= $3
                                  AND since > now() - make_interval(secs => $4))
                    AND NOT EXISTS (SELECT FROM taken)",
        )
        .await?;
    let row = client
        .query_one(
            &statement,
            &[
                &key.key,
                &key.network(),
                &threshold,
                &window.as_secs_f64(),
                &interval.as_secs_f64(),
            ],
        )
        .await?;
    Ok(row.get::<_, bool>(0).then_some(interval))
}

/// Forgets the attempts, because one was right.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn forget(client: &impl GenericClient, key: AttemptKey<'_>) -> Result<(), DbError> {
    let statement = client
        .prepare_cached("DELETE FROM attempt_limits WHERE key = $1 AND network = $2")
        .await?;
    client
        .execute(&statement, &[&key.key, &key.network()])
        .await?;
    Ok(())
}

/// Deletes what was last counted more than a day ago, at most 10,000 rows. Returns how many.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn delete_old(client: &impl GenericClient) -> Result<u64, DbError> {
    let statement = client
        .prepare_cached(
            "DELETE FROM attempt_limits WHERE ctid = ANY (ARRAY(
                 SELECT ctid FROM attempt_limits WHERE last_at < now() - interval '1 day' LIMIT 10000))",
        )
        .await?;
    Ok(client.execute(&statement, &[]).await?)
}
