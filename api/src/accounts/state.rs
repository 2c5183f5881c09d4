use std::fmt;
use std::time::Duration;

use anyhow::Context;
use tidings_db::{Database, attempt_limits, user_deletions};
use tidings_domain::access::SessionId;

use super::access_token::AccessTokens;
use super::ended_sessions::EndedSessions;
use super::hashing::PasswordHashing;
use super::keys::AccountKeys;
use super::messages;
use super::{AccountSettings, InvalidUserToken, UserGrant};

/// The longest time until all processes know that a session has ended.
const MAX_POLL: Duration = Duration::from_secs(2);

/// Time between two times of maintenance.
const MAINTENANCE_INTERVAL: Duration = Duration::from_hours(1);

/// What the service needs. One value is shared by all requests.
pub struct AccountsState {
    pub(super) settings: AccountSettings,
    pub(super) database: Database,
    pub(super) keys: AccountKeys,
    pub(super) hashing: PasswordHashing,
    pub(super) access_tokens: AccessTokens,
    pub(super) ended: EndedSessions,
}

impl AccountsState {
    /// # Errors
    ///
    /// Returns an error if the cost of hashes is not valid.
    pub fn new(settings: AccountSettings, database: Database) -> anyhow::Result<Self> {
        let keys = AccountKeys::derive(&settings.secret);
        let hashing = PasswordHashing::new(settings.hash_cost, settings.hash_concurrency)
            .context("ARGON2_MEMORY_KIB and ARGON2_ITERATIONS cannot be used")?;
        Ok(Self {
            access_tokens: AccessTokens::new(&keys, settings.access_token_lifetime),
            ended: EndedSessions::default(),
            settings,
            database,
            keys,
            hashing,
        })
    }

    /// Keeps up to date which sessions have ended. Never ends.
    pub async fn watch_sessions(&self, poll: Duration) {
        self.ended.watch(&self.database, poll.min(MAX_POLL)).await;
    }

    /// Inserts the templates of messages, and deletes old counts of attempts every hour. Never ends.
    pub async fn maintain(&self) {
        loop {
            let done = self
                .database
                .run(async |client| {
                    messages::insert_templates(client).await?;
                    user_deletions::insert_templates(client).await?;
                    attempt_limits::delete_old(client).await
                })
                .await;
            let pause = match done {
                Ok(_) => MAINTENANCE_INTERVAL,
                Err(error) => {
                    tracing::debug!(%error, "the tables of accounts cannot be maintained yet");
                    MAX_POLL
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Verifies an access token of a user.
    ///
    /// # Errors
    ///
    /// Returns why the token is invalid.
    #[expect(dead_code, reason = "for gRPC")]
    pub fn verify(&self, token: &str) -> Result<UserGrant, InvalidUserToken> {
        let grant = self.verify_signature(token)?;
        self.check_session(grant.session)?;
        Ok(grant)
    }

    /// Like [`AccountsState::verify`], but does not ask whether the session has ended.
    ///
    /// # Errors
    ///
    /// Returns why the token is invalid.
    pub fn verify_signature(&self, token: &str) -> Result<UserGrant, InvalidUserToken> {
        self.access_tokens.verify(token)
    }

    /// Asks whether a session has ended.
    ///
    /// # Errors
    ///
    /// Returns an error if it has, and if it is not known.
    pub fn check_session(&self, session: SessionId) -> Result<(), InvalidUserToken> {
        match self.ended.contains(session) {
            Some(false) => Ok(()),
            Some(true) => Err(InvalidUserToken::SessionEnded),
            None => Err(InvalidUserToken::SessionsUnknown),
        }
    }
}

impl fmt::Debug for AccountsState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountsState")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
