use std::fmt;
use std::str::FromStr;

use super::{Scope, Scopes};

/// What a user with an account may do: a bundle of scopes, resolved when a token is minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Role {
    /// Reads the own notifications, and manages the own contacts and preferences. Sends nothing.
    #[default]
    User,
    /// Also watches and operates the service: users, templates, categories, schedules, switches, dead letters, audit log.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// All roles, from the least rights to the most.
    pub const ALL: [Self; 3] = [Self::User, Self::Operator, Self::Admin];

    /// The name in JSON and in the table `users`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The rights of the role.
    #[must_use]
    pub fn scopes(self) -> Scopes {
        let user = [
            Scope::NotificationsRead,
            Scope::Inbox,
            Scope::PreferencesWrite,
            Scope::ContactsWrite,
        ];
        let operator = [
            Scope::TemplatesWrite,
            Scope::CategoriesWrite,
            Scope::SchedulesWrite,
            Scope::SendingControl,
            Scope::UsersRead,
            Scope::AuditRead,
            Scope::DeadLettersWrite,
            Scope::Dashboard,
        ];
        match self {
            Self::User => user.into_iter().collect(),
            Self::Operator => user.into_iter().chain(operator).collect(),
            Self::Admin => Scopes::ADMIN,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be user, operator or admin")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_the_rights_of_the_one_before() {
        for pair in Role::ALL.windows(2) {
            let mut missing = pair[1].scopes().missing(pair[0].scopes());
            assert_eq!(missing.next(), None, "{pair:?}");
        }
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
    }

    #[test]
    fn only_an_admin_sends_and_grants() {
        for role in [Role::User, Role::Operator] {
            for scope in [
                Scope::NotificationsSend,
                Scope::NotificationsSendAny,
                Scope::UsersWrite,
                Scope::KeysWrite,
                Scope::Admin,
            ] {
                assert!(!role.scopes().contains(scope), "{role}: {scope}");
            }
        }
        assert!(Role::Admin.scopes().contains(Scope::Admin));
    }
}
