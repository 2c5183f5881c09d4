use jiff::Timestamp;
use tidings_broker::{EventKind, Failure};
use tidings_domain::category::CategoryName;
use tidings_domain::content::EmailAddress;
use tidings_domain::notification::{Channel, Fingerprint, MessageId, Notification};
use tidings_domain::time::DeliveryWindow;
use tidings_requests::{EmailEvent, InvalidObject, NewNotification};

use super::{EventRules, UsersByEmail};

/// A valid event.
pub(super) enum Event<'a> {
    /// `email.send`.
    Email {
        /// What it asks for.
        email: EmailEvent,
        /// The body, for the fingerprint: the user may be found in one delivery of the event and not in another one.
        body: &'a str,
    },
    /// `notification.send`.
    Notification(Box<NewNotification<'a>>),
}

impl<'a> Event<'a> {
    /// Parses the body of an event.
    pub(super) fn parse(kind: EventKind, body: &'a [u8]) -> Result<Self, InvalidObject> {
        match kind {
            EventKind::EmailSend => {
                let email = EmailEvent::parse(body)?;
                // JSON that has been parsed is UTF-8.
                let body = std::str::from_utf8(body).unwrap_or_default();
                Ok(Self::Email { email, body })
            }
            // `UserDeletions` handles these.
            EventKind::UserDelete => Err(InvalidObject::NotAnObject(
                "this event has no notification".to_owned(),
            )),
            EventKind::NotificationSend => NewNotification::parse(body)
                .map(Box::new)
                .map(Self::Notification),
        }
    }

    /// The address whose user receives the notification.
    pub(super) const fn recipient(&self) -> Option<&EmailAddress> {
        match self {
            Self::Email { email, .. } => Some(&email.recipient),
            Self::Notification(_) => None,
        }
    }

    /// The category of the notification, if it has one.
    pub(super) fn category(&self) -> Option<&CategoryName> {
        match self {
            Self::Email { .. } => None,
            Self::Notification(new) => new.category.as_ref(),
        }
    }

    /// The fingerprint of the event, by which another event under the same key is recognised.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Email { body, .. } => Fingerprint::of_json(body),
            Self::Notification(new) => Fingerprint::of(&new.given()),
        }
    }

    /// The notification without the id, the sender and the fingerprint.
    pub(super) fn notification(
        &self,
        accepted_at: Timestamp,
        users: &UsersByEmail,
        rules: &EventRules,
    ) -> Result<Notification, Failure> {
        let empty = |user_id, channel, payload| Notification {
            message_id: MessageId::generate(),
            user_id,
            channel,
            accepted_at,
            payload,
            template: None,
            sender: None,
            group: None,
            window: DeliveryWindow::default(),
            fingerprint: None,
            sensitive: false,
            category: None,
            digest_key: None,
            trace: None,
        };
        match self {
            Self::Email { email, .. } => {
                // Without a user, the payload names the recipient.
                let user = users.get(email.recipient.as_str()).copied();
                let notification = empty(user, Channel::Email, email.payload.clone());
                Ok(Notification {
                    template: email.template.clone(),
                    ..notification
                })
            }
            Self::Notification(new) => {
                let window = new.times.window(accepted_at, rules.schedule_max_days);
                let window = window.map_err(|error| {
                    let detail = format!("{} {error}", error.field());
                    Failure::new(error.code(), detail)
                })?;
                Ok(Notification {
                    template: new.template.clone(),
                    group: new.times.group.clone(),
                    window,
                    sensitive: new.sensitive,
                    category: new.category.clone(),
                    digest_key: new.digest_key.clone(),
                    ..empty(new.user_id, new.channel, new.payload.to_owned())
                })
            }
        }
    }
}
