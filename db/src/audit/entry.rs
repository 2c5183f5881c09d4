use std::fmt::Display;
use std::net::IpAddr;

use serde_json::{Map, Value};
use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::Action;

/// Maximum length of a subject, a target, a request id and a text in the details, in bytes.
const MAX_TEXT: usize = 512;

/// Maximum length of a user agent, in bytes.
const MAX_USER_AGENT: usize = 256;

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// A user, with a token of its own.
    User,
    /// A service of the operator.
    Service,
    /// A holder of an API key.
    Key,
    /// A user of the operating system, with the tool `tidings`.
    Cli,
    /// A program of the installation, by itself.
    System,
}

impl ActorKind {
    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Key => "key",
            Self::Cli => "cli",
            Self::System => "system",
        }
    }
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Ok,
    /// It was not allowed, or not possible.
    Refused,
    /// It has failed.
    Failed,
}

impl Outcome {
    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// The kind of what an action changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A template: `name/channel/locale`.
    Template,
    /// A webhook endpoint, by its id.
    WebhookEndpoint,
    /// A category, by its name.
    Category,
    /// A user, by its id.
    User,
    /// The switch of a channel, by the channel's name; `*` for the switch of all channels.
    Sending,
    /// A notification, by its message id.
    Notification,
    /// A group of notifications, by its key.
    NotificationGroup,
    /// A recurring schedule, by its id.
    Schedule,
    /// A queue of dead letters, by its name.
    DeadLetterQueue,
    /// A job that replays or purges dead letters, by its id.
    Job,
    /// A key for secrets, by its id.
    SecretKey,
    /// An API key, by its id.
    ApiKey,
    /// A session of a user, by its id.
    Session,
    /// An invitation to create an account, by its id.
    Invite,
    /// A link that logs in to the dashboard, by its id.
    DashboardLink,
    /// A session of the dashboard, by its id.
    DashboardSession,
}

impl TargetKind {
    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::WebhookEndpoint => "webhook_endpoint",
            Self::Category => "category",
            Self::User => "user",
            Self::Sending => "sending",
            Self::Notification => "notification",
            Self::NotificationGroup => "notification_group",
            Self::Schedule => "schedule",
            Self::DeadLetterQueue => "dead_letter_queue",
            Self::Job => "job",
            Self::SecretKey => "secret_key",
            Self::ApiKey => "api_key",
            Self::Session => "session",
            Self::Invite => "invite",
            Self::DashboardLink => "dashboard_link",
            Self::DashboardSession => "dashboard_session",
        }
    }
}

/// Where actions come from: the part of their entries that one request or one command shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditOrigin {
    pub(super) kind: ActorKind,
    pub(super) actor: String,
    pub(super) request_id: Option<String>,
    pub(super) ip: Option<IpAddr>,
    pub(super) user_agent: Option<String>,
}

impl AuditOrigin {
    /// Actions of `actor`: a subject of tokens, the name of a user of the operating system or of a program.
    #[must_use]
    pub fn new(kind: ActorKind, actor: &str) -> Self {
        Self {
            kind,
            actor: storable(actor, MAX_TEXT),
            request_id: None,
            ip: None,
            user_agent: None,
        }
    }

    /// Adds what is known about an HTTP request. `ip` is the address of the client or of a proxy.
    #[must_use]
    pub fn with_request(self, id: &str, ip: Option<IpAddr>, user_agent: Option<&str>) -> Self {
        Self {
            request_id: Some(storable(id, MAX_TEXT)),
            ip: ip.map(|ip| ip.to_canonical()),
            user_agent: user_agent.map(|text| storable(text, MAX_USER_AGENT)),
            ..self
        }
    }

    /// Who acts.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// Whether the actor is this user.
    #[must_use]
    pub fn is_user(&self, user: UserId) -> bool {
        self.kind == ActorKind::User && self.actor == user.to_string()
    }

    /// An entry about an action that is done.
    #[must_use]
    pub fn entry(&self, action: Action) -> AuditEntry<'_> {
        AuditEntry {
            id: Uuid::now_v7(),
            origin: self,
            action,
            target: None,
            outcome: Outcome::Ok,
            details: Map::new(),
        }
    }
}

/// An entry of the audit log. [`record`](super::record()) writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry<'a> {
    pub(super) id: Uuid,
    pub(super) origin: &'a AuditOrigin,
    pub(super) action: Action,
    pub(super) target: Option<(TargetKind, String)>,
    pub(super) outcome: Outcome,
    pub(super) details: Map<String, Value>,
}

impl AuditEntry<'_> {
    /// The id that the entry has once it is written.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Names what the action changes.
    #[must_use]
    pub fn on(self, kind: TargetKind, id: impl Display) -> Self {
        Self {
            target: Some((kind, storable(&id.to_string(), MAX_TEXT))),
            ..self
        }
    }

    /// Adds a detail. `email` is the name of an e-mail address, which is erased with its user; no other detail may contain
    /// a contact, a secret or a payload.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = storable_value(value.into());
        self.details.insert(name.to_owned(), value);
        self
    }

    /// Says how the action ended.
    #[must_use]
    pub fn ended(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }
}

/// Cuts a text to `max` bytes, and replaces NUL, which PostgreSQL cannot store: no text of a caller must prevent its entry.
fn storable(text: &str, max: usize) -> String {
    let end = text.floor_char_boundary(max);
    text[..end].replace('\0', "\u{fffd}")
}

/// Like [`storable`], for the texts in a value.
fn storable_value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(storable(&text, MAX_TEXT)),
        Value::Array(items) => Value::Array(items.into_iter().map(storable_value).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters_and_have_no_nul() {
        assert_eq!(storable("aä", 2), "a");
        assert_eq!(storable("a\0ä", 9), "a\u{fffd}ä");
        let origin = AuditOrigin::new(ActorKind::Service, &"x".repeat(1000));
        let origin = origin.with_request("r", None, Some(&"ä".repeat(1000)));
        assert_eq!(origin.actor.len(), MAX_TEXT);
        assert_eq!(origin.user_agent.as_deref(), Some(&*"ä".repeat(128)));
        let entry = origin
            .entry(Action::TemplatePut)
            .on(TargetKind::Template, "\0")
            .with("reason", "y".repeat(1000))
            .with("ids", vec!["\0"]);
        assert_eq!(
            entry.target,
            Some((TargetKind::Template, "\u{fffd}".to_owned()))
        );
        assert_eq!(entry.details["reason"], "y".repeat(MAX_TEXT));
        assert_eq!(entry.details["ids"][0], "\u{fffd}");
    }

    #[test]
    fn only_a_token_of_the_user_is_the_user() {
        let user = UserId::from(uuid::Uuid::from_u128(7));
        let origin = |kind| AuditOrigin::new(kind, &user.to_string());
        assert!(origin(ActorKind::User).is_user(user));
        assert!(!origin(ActorKind::Service).is_user(user));
        assert!(!AuditOrigin::new(ActorKind::User, "billing").is_user(user));
    }

    #[test]
    fn an_ipv4_address_has_one_form() {
        let mapped = "::ffff:192.0.2.1".parse().ok();
        let origin = AuditOrigin::new(ActorKind::User, "a").with_request("r", mapped, None);
        assert_eq!(origin.ip, "192.0.2.1".parse().ok());
    }
}
