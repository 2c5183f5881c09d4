use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use tidings_db::notifications::SenderScope;
use tidings_domain::access::{Scope, Scopes};
use tidings_domain::notification::{KeyNamespace, UserId};

use super::{AllowedUsers, InvalidToken};
use crate::error::ApiError;
use crate::request_id::RequestId;
use crate::state::AppState;

/// The authenticated sender of a request. As an extractor, rejects requests without a valid token.
#[derive(Clone, Debug)]
pub struct Caller {
    subject: Arc<str>,
    user_id: Option<UserId>,
    scopes: Scopes,
}

impl Caller {
    pub(super) fn new(subject: &str, scopes: Scopes) -> Self {
        Self {
            user_id: subject.parse().ok(),
            subject: subject.into(),
            scopes,
        }
    }

    /// The subject of the token.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The sender of the caller's notifications: the subject. A subject that is a UUID has one spelling.
    #[must_use]
    pub fn sender(&self) -> String {
        let user_id = self.user_id.map(|id| id.to_string());
        user_id.unwrap_or_else(|| self.subject.to_string())
    }

    /// Whether the token is that of a user, and not of a service with the same subject.
    #[must_use]
    pub fn is_user(&self) -> bool {
        self.user_id.is_some() && !self.may_send_to_anyone()
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
        if self.may_send_to_anyone() {
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

    /// Returns the users whose contacts and webhook endpoints the caller may manage, and 403 if there are
    /// none.
    pub fn check_contacts(&self) -> Result<AllowedUsers, ApiError> {
        AllowedUsers::of(self.scopes, Scope::ContactsWrite, self.user_id)
            .ok_or_else(Self::contacts_forbidden)
    }

    /// Returns 403 unless the caller may manage the contacts and webhook endpoints of `user`.
    pub fn check_contacts_of(&self, user: UserId) -> Result<(), ApiError> {
        if self.check_contacts()?.includes(user) {
            Ok(())
        } else {
            Err(Self::contacts_forbidden())
        }
    }

    fn contacts_forbidden() -> ApiError {
        ApiError::forbidden(
            "The token does not allow managing this user's contacts and webhook endpoints: it needs the scope contacts:write and the user's own id, or admin",
        )
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = bearer_token(request).and_then(|token| {
            let verified = AppState::of(request).verifier.verify(token);
            verified.map_err(|reason| refused(request, &reason))
        });
        ready(caller)
    }
}

/// The 401 response. Only the log says why: the sender of a forged token learns nothing from trying.
fn refused(request: &HttpRequest, reason: &InvalidToken) -> ApiError {
    let request_id = request.extensions().get::<RequestId>().cloned();
    tracing::info!(
        request_id = request_id.map(|id| id.0),
        %reason,
        "token refused"
    );
    ApiError::unauthorized(
        "The token is not valid: check its signature, algorithm, expiry, user and scope (a string)",
    )
}

/// The token of `Authorization: Bearer …` (RFC 6750 §2.1). Refuses a request with several such headers, of which a
/// proxy may have checked another one.
fn bearer_token(request: &HttpRequest) -> Result<&str, ApiError> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().filter(|_| headers.next().is_none());
    header
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| ApiError::unauthorized("Send one token: Authorization: Bearer <JWT>"))
}
