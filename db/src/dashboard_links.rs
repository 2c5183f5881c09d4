//! The table `dashboard_links`: links that log in to the dashboard once.

use std::time::Duration;

use jiff::Timestamp;
use tidings_domain::access::{DashboardLinkToken, DashboardRole};
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// How long a link can be used.
pub const LINK_LIFETIME: Duration = Duration::from_mins(10);

/// Inserts a link. Returns its id, and until when it can be used.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn insert(
    client: &impl GenericClient,
    token: &DashboardLinkToken,
    role: DashboardRole,
    created_by: &str,
) -> Result<(Uuid, Timestamp), DbError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO dashboard_links (id, token, role, created_by, expires_at)
             VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5)) RETURNING id, expires_at",
        )
        .await?;
    let row = client
        .query_one(
            &statement,
            &[
                &Uuid::now_v7(),
                &&token.hash()[..],
                &role.as_str(),
                &created_by,
                &LINK_LIFETIME.as_secs_f64(),
            ],
        )
        .await?;
    Ok((row.get(0), row.get(1)))
}

/// A link that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedLink {
    /// The link.
    pub id: Uuid,
    /// The role of the session.
    pub role: DashboardRole,
    /// Who made the link.
    pub created_by: String,
}

/// Uses a link, once: of parallel calls, one gets it. Returns `None` if it is unknown, expired or used, or has a role that this
/// version does not know.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn use_once(
    client: &impl GenericClient,
    token: &DashboardLinkToken,
) -> Result<Option<UsedLink>, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE dashboard_links SET used_at = now()
             WHERE token = $1 AND used_at IS NULL AND expires_at > now()
             RETURNING id, role, created_by",
        )
        .await?;
    let row = client.query_opt(&statement, &[&&token.hash()[..]]).await?;
    Ok(row.and_then(|row| {
        let role = row.get::<_, &str>(1).parse().ok()?;
        Some(UsedLink {
            id: row.get(0),
            role,
            created_by: row.get(2),
        })
    }))
}
