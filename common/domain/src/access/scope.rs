use std::fmt;
use std::str::FromStr;

/// A right, by the name that a `scope` claim uses (RFC 8693 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Send to the caller's own user.
    NotificationsSend,
    /// Send to all users, and to any address.
    NotificationsSendAny,
    /// Read the notifications of the caller's own user.
    NotificationsRead,
    /// Manage the contacts and webhook endpoints of the caller's own user.
    ContactsWrite,
    /// Read and write templates.
    TemplatesWrite,
    /// Stop and start sending, and ask for probes of providers.
    SendingControl,
    /// Read and change recurring schedules. Also needs the right to send to their user.
    SchedulesWrite,
    /// Read all users.
    UsersRead,
    /// Create and change all users.
    UsersWrite,
    /// Manage API keys.
    KeysWrite,
    /// Read the audit log.
    AuditRead,
    /// Read and change the inbox of the caller's own user.
    Inbox,
    /// Change the preferences of the caller's own user.
    PreferencesWrite,
    /// Manage categories.
    CategoriesWrite,
    /// Replay and purge dead letters.
    DeadLettersWrite,
    /// Read what the dashboard shows: statistics, dead letters, jobs, the state of the system with the findings of the checks and the
    /// retention, templates, categories, API keys (without secrets), webhook endpoints (without the paths of their URLs) and stopped
    /// channels; find the notifications of all users.
    Dashboard,
    /// Everything.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 17] = [
        Self::NotificationsSend,
        Self::NotificationsSendAny,
        Self::NotificationsRead,
        Self::ContactsWrite,
        Self::TemplatesWrite,
        Self::SendingControl,
        Self::SchedulesWrite,
        Self::UsersRead,
        Self::UsersWrite,
        Self::KeysWrite,
        Self::AuditRead,
        Self::Inbox,
        Self::PreferencesWrite,
        Self::CategoriesWrite,
        Self::DeadLettersWrite,
        Self::Dashboard,
        Self::Admin,
    ];

    /// Whether the scope is about the caller's own user only, so that a key of a user may have it.
    #[must_use]
    pub const fn is_of_own_user(self) -> bool {
        match self {
            Self::NotificationsSend
            | Self::NotificationsRead
            | Self::ContactsWrite
            | Self::SchedulesWrite
            | Self::Inbox
            | Self::PreferencesWrite => true,
            Self::NotificationsSendAny
            | Self::TemplatesWrite
            | Self::SendingControl
            | Self::UsersRead
            | Self::UsersWrite
            | Self::KeysWrite
            | Self::AuditRead
            | Self::CategoriesWrite
            | Self::DeadLettersWrite
            | Self::Dashboard
            | Self::Admin => false,
        }
    }

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotificationsSend => "notifications:send",
            Self::NotificationsSendAny => "notifications:send:any",
            Self::NotificationsRead => "notifications:read",
            Self::ContactsWrite => "contacts:write",
            Self::TemplatesWrite => "templates:write",
            Self::SendingControl => "sending:control",
            Self::SchedulesWrite => "schedules:write",
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
            Self::KeysWrite => "keys:write",
            Self::AuditRead => "audit:read",
            Self::Inbox => "inbox",
            Self::PreferencesWrite => "preferences:write",
            Self::CategoriesWrite => "categories:write",
            Self::DeadLettersWrite => "dead-letters:write",
            Self::Dashboard => "dashboard",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {}", Scope::ALL.map(Scope::as_str).join(", "))]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}
