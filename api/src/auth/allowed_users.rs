use tidings_domain::access::{Scope, Scopes};
use tidings_domain::notification::UserId;

/// The users whose notifications a caller may read, or whose contacts a caller may manage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowedUsers {
    /// All users.
    All,
    /// This user only.
    Only(UserId),
}

impl AllowedUsers {
    /// All users with the scope `admin`, the caller's own user with `scope`, and none otherwise.
    #[must_use]
    pub fn of(scopes: Scopes, scope: Scope, caller: Option<UserId>) -> Option<Self> {
        if scopes.contains(Scope::Admin) {
            return Some(Self::All);
        }
        caller.filter(|_| scopes.contains(scope)).map(Self::Only)
    }

    /// The user to which queries are limited; `None` is no limit.
    #[must_use]
    pub const fn owner(self) -> Option<UserId> {
        match self {
            Self::All => None,
            Self::Only(user) => Some(user),
        }
    }

    /// Whether `user` is one of these users.
    #[must_use]
    pub fn includes(self, user: UserId) -> bool {
        self == Self::All || self == Self::Only(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u128) -> UserId {
        uuid::Uuid::from_u128(n).into()
    }

    #[test]
    fn a_scope_is_limited_to_the_caller_and_admin_is_not() {
        let allowed = |scopes: &str, caller| {
            AllowedUsers::of(Scopes::of_claim(scopes), Scope::NotificationsRead, caller)
        };
        let (anna, all) = (AllowedUsers::Only(user(1)), AllowedUsers::All);
        assert_eq!(allowed("notifications:read", Some(user(1))), Some(anna));
        assert_eq!(allowed("notifications:read", None), None);
        assert_eq!(
            allowed("notifications:send:any contacts:write", Some(user(1))),
            None
        );
        assert_eq!(allowed("openid admin", Some(user(1))), Some(all));
        assert_eq!(allowed("admin", None), Some(all));
        assert!(anna.includes(user(1)) && !anna.includes(user(2)) && all.includes(user(2)));
    }
}
