use std::time::Duration;

use tidings_domain::access::SessionId;

use super::UserSession;
use super::read::{COLUMNS, find};
use crate::GenericClient;
use crate::error::DbError;

/// The result of [`rotate`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotateResult {
    /// The next generation has begun, now or by an earlier use of the same refresh token within the grace.
    Rotated(UserSession),
    /// The refresh token was replaced before: it is used by two parties, or again after the grace.
    Reused(UserSession),
    /// The session has ended, is too old, or does not exist.
    Ended,
}

/// Begins the next generation of a session, for a holder of the refresh token of `generation`. Parallel calls begin one
/// generation: the others find it begun.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn rotate(
    client: &impl GenericClient,
    id: SessionId,
    generation: i64,
    idle: Duration,
    grace: Duration,
) -> Result<RotateResult, DbError> {
    let sql = format!(
        "UPDATE sessions SET generation = generation + 1, rotated_at = statement_timestamp(),
                             last_used_at = statement_timestamp()
         WHERE id = $1 AND generation = $2 AND ended_at IS NULL AND expires_at > now()
               AND last_used_at > now() - make_interval(secs => $3)
         RETURNING {COLUMNS}"
    );
    let statement = client.prepare_cached(&sql).await?;
    let row = client
        .query_opt(
            &statement,
            &[&id.as_uuid(), &generation, &idle.as_secs_f64()],
        )
        .await?;
    if let Some(row) = row {
        return Ok(RotateResult::Rotated(UserSession::from(&row)));
    }
    let Some(session) = find(client, id).await? else {
        return Ok(RotateResult::Ended);
    };
    Ok(
        if !session.is_alive(idle) || generation >= session.generation {
            RotateResult::Ended
        } else if generation + 1 == session.generation && session.age_of_generation() < grace {
            RotateResult::Rotated(session)
        } else {
            RotateResult::Reused(session)
        },
    )
}
