use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::dashboard_sessions::{
    self, DashboardEndReason, DashboardSession, NewDashboardSession, SessionHolder,
};
use tidings_db::{Database, DbError, Transaction, TransactionOptions, dashboard_links};
use tidings_domain::access::{DashboardLinkToken, DashboardRole, DashboardSessionToken, SessionId};

use super::holder::origin;
use super::link_guesses;
use crate::accounts::ClientInfo;
use crate::error::ApiError;

/// A login that begins a session.
#[derive(Clone, Debug)]
pub struct DashboardLogin {
    id: SessionId,
    token: DashboardSessionToken,
    /// The session that the browser has had. It ends: nobody would use it any more.
    replaced: Option<DashboardSessionToken>,
    client: ClientInfo,
}

impl DashboardLogin {
    /// A login with a new token.
    ///
    /// # Errors
    ///
    /// Returns 500 if the operating system provides no random bytes.
    pub fn new(
        replaced: Option<DashboardSessionToken>,
        client: ClientInfo,
    ) -> Result<Self, ApiError> {
        let token = DashboardSessionToken::generate();
        Ok(Self {
            id: SessionId::new(),
            token: token.map_err(|_| ApiError::internal("there are no random bytes"))?,
            replaced,
            client,
        })
    }

    /// The token of the session.
    pub const fn token(&self) -> &DashboardSessionToken {
        &self.token
    }

    /// The id of the session.
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The address and the program of the client that logs in.
    pub const fn client(&self) -> &ClientInfo {
        &self.client
    }

    /// Begins the session, ends the one that it replaces, and writes the entry of the audit log.
    ///
    /// # Errors
    ///
    /// Returns the error of the query.
    pub async fn begin(
        &self,
        transaction: &Transaction<'_>,
        holder: &SessionHolder,
        role: DashboardRole,
        link: Option<&dashboard_links::UsedLink>,
    ) -> Result<Option<DashboardSession>, DbError> {
        if let Some(replaced) = &self.replaced
            && let Some(old) = dashboard_sessions::find(transaction, replaced).await?
        {
            dashboard_sessions::end(transaction, old.id, DashboardEndReason::Replaced).await?;
        }
        let new = NewDashboardSession {
            id: self.id,
            token: &self.token,
            holder,
            role,
            ip: self.client.ip,
            user_agent: self.client.user_agent.as_deref(),
        };
        dashboard_sessions::create(transaction, &new).await?;
        let origin = origin(holder, &self.client);
        let entry = origin
            .entry(Action::AuthLogin)
            .on(TargetKind::DashboardSession, self.id)
            .with("role", role.as_str());
        let entry = match link {
            Some(link) => entry.with("link", link.id.to_string()),
            None => entry,
        };
        audit::record(transaction, &entry).await?;
        dashboard_sessions::find(transaction, &self.token).await
    }
}

/// Begins a session by a link. `token` is `None` if the text is not one.
///
/// # Errors
///
/// Returns 401 if the link is not valid, and 429 after too many links that were not. A link that is valid is never refused.
pub async fn log_in_by_link(
    database: &Database,
    token: Option<&DashboardLinkToken>,
    login: &DashboardLogin,
) -> Result<DashboardSession, ApiError> {
    let used = match token {
        None => None,
        Some(token) => {
            let used = database.transaction(
                TransactionOptions::default(),
                async |transaction: &Transaction<'_>| {
                    let Some(link) = dashboard_links::use_once(transaction, token).await? else {
                        return Ok(None);
                    };
                    let holder = SessionHolder::Link(link.created_by.clone());
                    let begun = login
                        .begin(transaction, &holder, link.role, Some(&link))
                        .await?;
                    Ok(Some(begun))
                },
            );
            used.await?
        }
    };
    match used {
        Some(Some(session)) => Ok(session),
        Some(None) => Err(ApiError::internal(
            "the session that has begun is not there",
        )),
        None => Err(link_guesses::refuse(database, login.client()).await?),
    }
}
