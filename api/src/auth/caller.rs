use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use tidings_db::notifications::SenderScope;
use tidings_domain::notification::{KeyNamespace, UserId};

use super::{Access, AllowedUsers, InvalidToken};
use crate::error::ApiError;
use crate::request_id::RequestId;
use crate::state::AppState;

/// The authenticated sender of a request. As an extractor, rejects requests without a valid token.
#[derive(Clone, Debug)]
pub struct Caller {
    subject: Arc<str>,
    user_id: Option<UserId>,
    access: Access,
}

impl Caller {
    pub(super) fn new(subject: &str, access: Access) -> Self {
        Self {
            user_id: subject.parse().ok(),
            subject: subject.into(),
            access,
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
        self.user_id.is_some() && !self.access.may_send_to_anyone()
    }

    /// The namespace of the caller's idempotency keys. A user must not take the keys of a service whose tokens
    /// carry the same subject. A subject that is a UUID is one caller, however the token spells it.
    #[must_use]
    pub fn key_namespace(&self) -> KeyNamespace {
        let subject = self.sender();
        if self.access.may_send_to_anyone() {
            KeyNamespace::of_service(&subject)
        } else {
            KeyNamespace::of_user(&subject)
        }
    }

    /// Returns 403 unless the caller may send to `target`; `None` is the recipient that the payload names, who need not be a
    /// user.
    pub fn check_send(&self, target: Option<UserId>) -> Result<(), ApiError> {
        match target {
            Some(target) if self.access.may_send(self.user_id, target) => Ok(()),
            None if self.access.may_send_to_anyone() => Ok(()),
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
            _ if self.access.is_trusted() => Ok(SenderScope::default()),
            _ if self.access.may_send_to_anyone() => Ok(own),
            Some(user) if self.access.may_send_to_self() => Ok(SenderScope {
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
        let allowed = self.access.may_write_schedules();
        scope.filter(|_| allowed).ok_or_else(|| {
            ApiError::forbidden(
                "The token does not allow this: it needs the scope schedules:write, and notifications:send:any, or notifications:send and its own user's schedules",
            )
        })
    }

    /// Returns 403 unless the caller may choose recipient and sender addresses. A caller that may send to one
    /// user only must not reach others through an address of its choice.
    pub fn check_address_choice(&self) -> Result<(), ApiError> {
        if self.access.may_send_to_anyone() {
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
        if self.access.may_send_to_anyone() || self.access.may_write_templates() {
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
        self.access.may_write_templates()
    }

    /// Returns 403 unless the caller may read and write templates.
    pub fn check_templates(&self) -> Result<(), ApiError> {
        if self.access.may_write_templates() {
            Ok(())
        } else {
            Err(ApiError::forbidden(
                "The token does not allow this: it needs the scope templates:write",
            ))
        }
    }

    /// Returns 403 unless the caller may stop and start sending.
    pub fn check_sending_control(&self) -> Result<(), ApiError> {
        if self.access.may_control_sending() {
            Ok(())
        } else {
            Err(ApiError::forbidden(
                "The token does not allow this: it needs the scope sending:control",
            ))
        }
    }

    /// Returns 403 unless the caller may read users.
    pub fn check_read_users(&self) -> Result<(), ApiError> {
        if self.access.may_read_users() {
            Ok(())
        } else {
            Err(ApiError::forbidden(
                "The token does not allow this: it needs the scope users:read",
            ))
        }
    }

    /// Returns 403 unless the caller may create and change users.
    pub fn check_write_users(&self) -> Result<(), ApiError> {
        if self.access.may_write_users() {
            Ok(())
        } else {
            Err(ApiError::forbidden(
                "The token does not allow this: it needs the scope users:write",
            ))
        }
    }

    /// Returns 403 unless the caller may read the audit log.
    pub fn check_audit(&self) -> Result<(), ApiError> {
        if self.access.may_read_audit_log() {
            Ok(())
        } else {
            Err(ApiError::forbidden(
                "The token does not allow this: it needs the scope audit:read",
            ))
        }
    }

    /// Returns the users whose notifications the caller may read. Fails with 403 if the caller may read no notifications.
    pub fn check_read(&self) -> Result<AllowedUsers, ApiError> {
        self.access.may_read(self.user_id).ok_or_else(|| {
            ApiError::forbidden(
                "The token does not allow reading: it needs the scope notifications:read",
            )
        })
    }

    /// Returns the users whose contacts and webhook endpoints the caller may manage, and 403 if there are
    /// none.
    pub fn check_contacts(&self) -> Result<AllowedUsers, ApiError> {
        self.access
            .may_manage_contacts(self.user_id)
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
