use std::fmt;
use std::str::FromStr;

use super::{Role, Scope, Scopes};

/// What a session of the dashboard may do: a bundle of scopes, resolved at the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DashboardRole {
    /// Reads, and changes nothing.
    Viewer,
    /// Also operates the service: templates, categories, schedules, switches, dead letters.
    Operator,
    /// Everything.
    Admin,
}

impl DashboardRole {
    /// All roles, from the least rights to the most.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The role of a user who logs in; `None` if the user may not.
    #[must_use]
    pub const fn of_user(role: Role) -> Option<Self> {
        match role {
            Role::User => None,
            Role::Operator => Some(Self::Operator),
            Role::Admin => Some(Self::Admin),
        }
    }

    /// The name in JSON and in the tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The rights. None of them is about an own user: the dashboard shows all users.
    #[must_use]
    pub fn scopes(self) -> Scopes {
        let viewer = [Scope::Dashboard, Scope::UsersRead, Scope::AuditRead];
        let operator = [
            Scope::TemplatesWrite,
            Scope::CategoriesWrite,
            Scope::SchedulesWrite,
            Scope::SendingControl,
            Scope::DeadLettersWrite,
        ];
        match self {
            Self::Viewer => viewer.into_iter().collect(),
            Self::Operator => viewer.into_iter().chain(operator).collect(),
            Self::Admin => Scopes::ADMIN,
        }
    }
}

impl fmt::Display for DashboardRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no role of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be viewer, operator or admin")]
pub struct UnknownDashboardRole;

impl FromStr for DashboardRole {
    type Err = UnknownDashboardRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| role.as_str() == text)
            .ok_or(UnknownDashboardRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_the_rights_of_the_one_before_and_a_viewer_only_reads() {
        for pair in DashboardRole::ALL.windows(2) {
            let mut missing = pair[1].scopes().missing(pair[0].scopes());
            assert_eq!(missing.next(), None, "{pair:?}");
        }
        let viewer = DashboardRole::Viewer.scopes().to_string();
        assert_eq!(viewer, "users:read audit:read dashboard");
        for role in DashboardRole::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
    }

    #[test]
    fn a_user_gets_no_right_by_the_dashboard_that_the_role_lacks() {
        for role in Role::ALL {
            let scopes = DashboardRole::of_user(role).map_or(Scopes::NONE, DashboardRole::scopes);
            assert_eq!(role.scopes().missing(scopes).next(), None, "{role}");
        }
        assert_eq!(DashboardRole::of_user(Role::User), None);
    }
}
