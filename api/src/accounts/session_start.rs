//! Begins sessions and mints their tokens.

use tidings_db::user_sessions::{self, NewUserSession, UserSession};
use tidings_db::{DbError, GenericClient, credentials};
use tidings_domain::access::{Role, SessionId};
use tidings_domain::notification::UserId;

use super::{AccountError, AccountsState, ClientInfo, RefreshToken, TokenPair};

/// What a new session consists of.
pub(super) struct SessionSeed {
    id: SessionId,
    seed: [u8; 32],
}

impl SessionSeed {
    /// # Errors
    ///
    /// Returns [`AccountError::Internal`] if the operating system provides no random bytes.
    pub(super) fn generate() -> Result<Self, AccountError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|_| AccountError::Internal("there are no random bytes"))?;
        Ok(Self {
            id: SessionId::new(),
            seed,
        })
    }
}

/// Begins a session of a user, in the transaction of the login. Also returns the user's role.
pub(super) async fn begin(
    transaction: &impl GenericClient,
    state: &AccountsState,
    user: UserId,
    client: &ClientInfo,
    seed: &SessionSeed,
) -> Result<(UserSession, Role), DbError> {
    let new = NewUserSession {
        id: seed.id,
        user,
        seed: &seed.seed,
        lifetime: state.settings.session_lifetime,
        ip: client.ip,
        user_agent: client.user_agent.as_deref(),
    };
    let session = user_sessions::create(transaction, new).await?;
    Ok((session, credentials::role(transaction, user).await?))
}

/// Mints the tokens of a session's current generation.
pub(super) fn mint(
    state: &AccountsState,
    session: &UserSession,
    role: Role,
) -> Result<TokenPair, AccountError> {
    let (access_token, expires_at) = state.access_tokens.sign(
        session.user,
        session.id,
        role.scopes(),
        session.rotated_at,
        session.now,
    )?;
    Ok(TokenPair {
        access_token: access_token.into(),
        refresh_token: RefreshToken::of(session, &state.keys),
        expires_in: expires_at
            .duration_since(session.now)
            .try_into()
            .unwrap_or_default(),
    })
}
