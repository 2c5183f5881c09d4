//! The table `invites`: invitations to create an account.

use std::time::Duration;

use jiff::Timestamp;
use tidings_domain::content::EmailAddress;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// An invitation to insert.
#[derive(Clone, Copy, Debug)]
pub struct NewInvite<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// Digest of the token.
    pub token: &'a [u8],
    /// The only address that may use it.
    pub email: Option<&'a EmailAddress>,
    /// Who issues it.
    pub created_by: &'a str,
    /// How long it is valid.
    pub lifetime: Duration,
}

/// Inserts an invitation. Returns until when it is valid.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn insert(client: &impl GenericClient, new: NewInvite<'_>) -> Result<Timestamp, DbError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO invites (id, token, email, created_by, expires_at)
             VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5)) RETURNING expires_at",
        )
        .await?;
    let email = new.email.map(EmailAddress::as_str);
    let row = client
        .query_one(
            &statement,
            &[
                &new.id,
                &new.token,
                &email,
                &new.created_by,
                &new.lifetime.as_secs_f64(),
            ],
        )
        .await?;
    Ok(row.get(0))
}

/// What an invitation that was used says about the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedInvite {
    /// The invitation.
    pub id: Uuid,
    /// Whether it was issued for this address, so that the address need not be verified.
    pub is_personal: bool,
}

/// Uses an invitation, once. Returns `None` if no invitation with this digest is valid for the address.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn use_once(
    client: &impl GenericClient,
    token: &[u8],
    email: &EmailAddress,
) -> Result<Option<UsedInvite>, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE invites SET used_at = now()
             WHERE token = $1 AND used_at IS NULL AND expires_at > now()
                   AND (email IS NULL OR normal_email(email) = normal_email($2))
             RETURNING id, email IS NOT NULL",
        )
        .await?;
    let row = client
        .query_opt(&statement, &[&token, &email.as_str()])
        .await?;
    Ok(row.map(|row| UsedInvite {
        id: row.get(0),
        is_personal: row.get(1),
    }))
}
