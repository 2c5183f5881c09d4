mod dashboard;
mod extractor;
mod user_data;

use std::sync::Arc;

use jiff::Timestamp;
use tidings_db::api_keys::LiveKey;
use tidings_db::audit::ActorKind;
use tidings_db::notifications::{PayloadReader, SenderScope};
use tidings_db::users::ContactRights;
use tidings_domain::access::{Scope, Scopes, SessionId};
use tidings_domain::notification::{KeyNamespace, UserId};

use super::AllowedUsers;
use crate::accounts::{Changer, ClientInfo, UserGrant};
use crate::error::{ApiError, ErrorDetail};
use crate::query;

/// The authenticated sender of a request. As an extractor, rejects requests without a valid token or API key.
#[derive(Clone, Debug)]
pub struct Caller {
    subject: Arc<str>,
    user_id: Option<UserId>,
    scopes: Scopes,
    is_key: bool,
    rate_per_minute: Option<u32>,
    /// The session of a user's own token.
    session: Option<SessionId>,
    /// The session of the dashboard.
    dashboard_session: Option<SessionId>,
    /// When the token or key expires.
    expires_at: Option<Timestamp>,
}

impl Caller {
    pub(crate) fn new(subject: &str, scopes: Scopes) -> Self {
        Self {
            user_id: subject.parse().ok(),
            subject: subject.into(),
            scopes,
            is_key: false,
            rate_per_minute: None,
            session: None,
            dashboard_session: None,
            expires_at: None,
        }
    }

    /// The same, with a token or key that expires.
    pub(crate) fn expiring(self, expires_at: Option<Timestamp>) -> Self {
        Self { expires_at, ..self }
    }

    /// The holder of a key.
    pub(crate) fn of_key(key: &LiveKey) -> Self {
        Self {
            subject: key.id.subject().into(),
            user_id: key.user,
            scopes: key.scopes,
            is_key: true,
            rate_per_minute: key.rate_per_minute,
            session: None,
            dashboard_session: None,
            expires_at: key.expires_at,
        }
    }

    /// A user with a token of its own.
    pub(super) fn of_user(grant: &UserGrant) -> Self {
        Self {
            session: Some(grant.session),
            ..Self::new(&grant.user.to_string(), grant.scopes)
        }
    }

    /// The session of a user's own token; `None` for tokens of services.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// When the token or key expires; `None` if it does not.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// The rights.
    #[must_use]
    pub const fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// The user and the session of a user's own token.
    ///
    /// # Errors
    ///
    /// Returns 403 for tokens of services.
    pub fn check_own_session(&self) -> Result<(UserId, SessionId), ApiError> {
        self.user_id.zip(self.session).ok_or_else(|| {
            ApiError::forbidden("This needs the token of a user, which a login returns")
        })
    }

    /// The caller, for notices about a change.
    #[must_use]
    pub fn changer<'a>(&self, client: &'a ClientInfo) -> Changer<'a> {
        let user = self.user_id.filter(|_| self.has_logged_in());
        Changer { client, user }
    }

    /// Whether the caller is `user` with a credential of its own: what a login returns, or the user's API key.
    #[must_use]
    pub fn is_user(&self, user: UserId) -> bool {
        self.user_id == Some(user) && (self.has_logged_in() || self.is_key)
    }

    /// Whose contacts the caller may change as somebody who may write users.
    #[must_use]
    pub fn contact_rights(&self) -> ContactRights {
        if self.scopes.contains(Scope::Admin) {
            ContactRights::All
        } else {
            ContactRights::WithoutRole
        }
    }

    /// The subject of the token; `key:` and its id for a key.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The sender of the caller's notifications: the subject. A subject that is a UUID has one spelling.
    #[must_use]
    pub fn sender(&self) -> String {
        let user_id = self.user_id.filter(|_| !self.is_key);
        user_id.map_or_else(|| self.subject.to_string(), |id| id.to_string())
    }

    /// Who the caller is in the audit log. A user is whoever has a user's token, and not a service with the same subject.
    #[must_use]
    pub fn actor_kind(&self) -> ActorKind {
        if self.is_key {
            ActorKind::Key
        } else if self.has_logged_in() || (self.user_id.is_some() && !self.may_send_to_anyone()) {
            ActorKind::User
        } else {
            ActorKind::Service
        }
    }

    /// How many requests a minute the caller's key allows. `None` for tokens, and for keys without a limit of their own.
    #[must_use]
    pub const fn rate_per_minute(&self) -> Option<u32> {
        self.rate_per_minute
    }

    /// Returns 403 unless the caller may hand out a key with `scopes` for `user`, its own keys included: nobody grants what
    /// they lack.
    pub fn check_grant(&self, scopes: Scopes, user: Option<UserId>) -> Result<(), ApiError> {
        let missing: Vec<&str> = self.scopes.missing(scopes).map(Scope::as_str).collect();
        let exceeds = |message: &str| ApiError {
            code: "scope_exceeds_own",
            ..ApiError::forbidden(message)
        };
        if !missing.is_empty() {
            let missing = missing.join(", ");
            return Err(exceeds(&format!(
                "You may only handle keys with scopes that you have yourself; you lack {missing}"
            )));
        }
        if user.is_some() && user != self.user_id && !self.scopes.contains(Scope::Admin) {
            return Err(exceeds(
                "You may only handle keys of your own user; those of other users need the scope admin",
            ));
        }
        Ok(())
    }

    /// Returns 403 unless the caller has `scope`, for what is not limited to a user.
    pub fn check(&self, scope: Scope) -> Result<(), ApiError> {
        if self.scopes.contains(scope) {
            Ok(())
        } else {
            let message = format!("The token does not allow this: it needs the scope {scope}");
            Err(ApiError::forbidden(&message))
        }
    }

    /// Returns 403 unless the caller has one of `scopes`, for what is not limited to a user.
    pub fn check_any<const COUNT: usize>(&self, scopes: [Scope; COUNT]) -> Result<(), ApiError> {
        if scopes.iter().any(|scope| self.scopes.contains(*scope)) {
            return Ok(());
        }
        let names = scopes.map(Scope::as_str).join(" or ");
        let message = format!("The token does not allow this: it needs the scope {names}");
        Err(ApiError::forbidden(&message))
    }

    /// Whether the caller may send to all users, and so to any address.
    fn may_send_to_anyone(&self) -> bool {
        self.scopes.contains(Scope::NotificationsSendAny)
    }

    /// Whether the caller may send to its own user.
    fn may_send_to_self(&self) -> bool {
        self.scopes.contains(Scope::NotificationsSend)
    }

    /// The namespace of the caller's idempotency keys. A user must not take the keys of a service whose tokens
    /// carry the same subject. A subject that is a UUID is one caller, however the token spells it.
    #[must_use]
    pub fn key_namespace(&self) -> KeyNamespace {
        let subject = self.sender();
        // The scopes of a key may change, and no other caller has its subject.
        if self.is_key || self.may_send_to_anyone() {
            KeyNamespace::of_service(&subject)
        } else {
            KeyNamespace::of_user(&subject)
        }
    }

    /// Returns 403 unless the caller may send to `target`; `None` is the recipient that the payload names, who need not be a
    /// user.
    pub fn check_send(&self, target: Option<UserId>) -> Result<(), ApiError> {
        match target {
            _ if self.may_send_to_anyone() => Ok(()),
            Some(target) if self.may_send_to_self() && self.user_id == Some(target) => Ok(()),
            Some(_) => Err(ApiError::forbidden(
                "The token does not allow sending to this user: it needs the scope notifications:send:any, or notifications:send and the user's own id",
            )),
            None => Err(ApiError::forbidden(
                "The token does not allow sending without targetUserId: set it to the user's own id and leave out the recipient's address, or use the scope notifications:send:any",
            )),
        }
    }

    /// Returns whose notifications the caller may cancel or give another time: its own ones, all with the scope `admin`.
    /// Fails with 403 if the caller may send none.
    pub fn check_cancel(&self) -> Result<SenderScope, ApiError> {
        let own = SenderScope {
            sender: Some(self.sender()),
            user: None,
        };
        match self.user_id {
            _ if self.scopes.contains(Scope::Admin) => Ok(SenderScope::default()),
            _ if self.may_send_to_anyone() => Ok(own),
            Some(user) if self.may_send_to_self() => Ok(SenderScope {
                user: Some(user),
                ..own
            }),
            _ => Err(ApiError::forbidden(
                "The token does not allow this: it needs the scope notifications:send:any, or notifications:send and the notification's own user",
            )),
        }
    }

    /// Returns which recurring schedules the caller may read and change: its own, if it may send to their user, and all with
    /// the scope `admin`. Fails with 403 if there can be none.
    pub fn check_schedules(&self) -> Result<SenderScope, ApiError> {
        let scope = self.check_cancel().ok();
        let allowed = self.scopes.contains(Scope::SchedulesWrite);
        scope.filter(|_| allowed).ok_or_else(|| {
            ApiError::forbidden(
                "The token does not allow this: it needs the scope schedules:write, and notifications:send:any, or notifications:send and its own user's schedules",
            )
        })
    }

    /// Returns 403 unless the caller may choose recipient and sender addresses. A caller that may send to one
    /// user only must not reach others through an address of its choice.
    pub fn check_address_choice(&self) -> Result<(), ApiError> {
        if self.may_send_to_anyone() {
            Ok(())
        } else {
            Err(ApiError::forbidden(
                "The token does not allow choosing addresses: leave out to, phoneNumber, from, replyTo and unsubscribeUrl, and the notification goes to the user's own contacts; or use the scope notifications:send:any",
            ))
        }
    }

    /// Returns 403 unless the caller may send notifications that a template renders: only callers that may read
    /// templates or send to all users. The texts of a template are those of the operator.
    pub fn check_template_use(&self) -> Result<(), ApiError> {
        if self.may_send_to_anyone() || self.scopes.contains(Scope::TemplatesWrite) {
            Ok(())
        } else {
            Err(ApiError::forbidden(
                "The token does not allow templates: it needs the scope templates:write or notifications:send:any",
            ))
        }
    }

    /// Whether the caller may see errors that quote a template.
    #[must_use]
    pub fn may_see_template_errors(&self) -> bool {
        self.scopes.contains(Scope::TemplatesWrite)
    }

    /// Returns the users whose notifications the caller may read. Fails with 403 if the caller may read no notifications.
    pub fn check_read(&self) -> Result<AllowedUsers, ApiError> {
        AllowedUsers::of(self.scopes, Scope::NotificationsRead, self.user_id).ok_or_else(|| {
            ApiError::forbidden(
                "The token does not allow reading: it needs the scope notifications:read",
            )
        })
    }

    /// Returns the users whose notifications the caller may find. With the scope `dashboard` all, but
    /// [without payloads](Self::payload_reader). Fails with 403 if the caller may find none.
    pub fn check_find(&self) -> Result<AllowedUsers, ApiError> {
        if self.scopes.contains(Scope::Dashboard) {
            return Ok(AllowedUsers::All);
        }
        self.check_read().map_err(|_| {
            ApiError::forbidden(
                "The token does not allow reading: it needs the scope notifications:read or dashboard",
            )
        })
    }

    /// Who reads the payload of a notification for `user`: a caller that may read its own user's notifications only acts for
    /// this user.
    #[must_use]
    pub fn payload_reader(&self, user: Option<UserId>) -> PayloadReader {
        match self.check_read() {
            Ok(AllowedUsers::All) => PayloadReader::Other,
            Ok(AllowedUsers::Only(own)) if user == Some(own) => PayloadReader::TargetUser,
            _ if self.scopes.contains(Scope::Dashboard) => PayloadReader::Operator,
            Ok(AllowedUsers::Only(_)) => PayloadReader::TargetUser,
            // A service that has changed its own notification.
            Err(_) => PayloadReader::Other,
        }
    }

    /// Returns the user whose inbox a request is about: the caller's own user, or the one that a caller with the scope `admin`
    /// names.
    ///
    /// # Errors
    ///
    /// Returns 403 if the caller may not use that inbox, and 400 if it must name one.
    pub fn check_inbox(&self, named: Option<UserId>) -> Result<UserId, ApiError> {
        let forbidden = |message| Err(ApiError::forbidden(message));
        match AllowedUsers::of(self.scopes, Scope::Inbox, self.user_id) {
            Some(AllowedUsers::Only(own)) if named.is_none_or(|named| named == own) => Ok(own),
            Some(AllowedUsers::Only(_)) => forbidden("The token allows its own user's inbox only"),
            Some(AllowedUsers::All) => {
                // The subject of a service's token may be a UUID, and is no user.
                let own = self.session.and(self.user_id);
                named.or(own).ok_or_else(|| {
                    let problem = "is required: the token is not that of a user";
                    query::invalid(vec![ErrorDetail::new("userId", problem)])
                })
            }
            None => forbidden("The token does not allow this: it needs the scope inbox"),
        }
    }

    /// Whether the caller acts for `user`: a program of this user, and not one of the operator.
    #[must_use]
    pub fn acts_for(&self, user: UserId) -> bool {
        self.user_id == Some(user) && (self.has_logged_in() || !self.scopes.contains(Scope::Admin))
    }
}
