use std::fmt;

use super::Scope;

/// A set of scopes. One with [`Scope::Admin`] contains all of them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes(u32);

impl Scopes {
    /// No rights.
    pub const NONE: Self = Self(0);

    /// All rights: for the operator's own services.
    pub const ADMIN: Self = Self(Self::bit(Scope::Admin));

    /// The rights in a `scope` claim: names separated by spaces. Unknown names are ignored, because tokens may carry those of
    /// other services.
    #[must_use]
    pub fn of_claim(names: &str) -> Self {
        names
            .split(' ')
            .filter_map(|name| name.parse().ok())
            .collect()
    }

    /// Whether the set grants `scope`.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & (Self::bit(scope) | Self::bit(Scope::Admin)) != 0
    }

    /// The scopes of this set that are about the caller's own user only.
    #[must_use]
    pub fn of_own_user(self) -> Self {
        let stated = self.stated();
        stated.filter(|scope| scope.is_of_own_user()).collect()
    }

    /// The scopes of `others` that this set does not grant.
    pub fn missing(self, others: Self) -> impl Iterator<Item = Scope> {
        others.stated().filter(move |scope| !self.contains(*scope))
    }

    /// The scopes that the set names, in the order of [`Scope::ALL`]. [`Scope::Admin`] stands for itself.
    pub fn stated(self) -> impl Iterator<Item = Scope> {
        let all = Scope::ALL.into_iter();
        all.filter(move |scope| self.0 & Self::bit(*scope) != 0)
    }

    const fn bit(scope: Scope) -> u32 {
        1 << scope as u32
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let add = |set: Self, scope| Self(set.0 | Self::bit(scope));
        scopes.into_iter().fold(Self::NONE, add)
    }
}

/// The names, separated by spaces, as in a `scope` claim.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.stated().map(Scope::as_str).collect();
        f.write_str(&names.join(" "))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.stated()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_has_a_name_and_grants_itself_only() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            let set = Scopes::of_claim(scope.as_str());
            let granted = Scope::ALL.into_iter().filter(|other| set.contains(*other));
            let expected: Vec<Scope> = match scope {
                Scope::Admin => Scope::ALL.to_vec(),
                _ => vec![scope],
            };
            assert_eq!(granted.collect::<Vec<_>>(), expected, "{scope}");
        }
    }

    #[test]
    fn a_claim_may_contain_names_of_other_services() {
        let set = Scopes::of_claim("openid users:read  Users:Write users");
        assert_eq!(set.to_string(), "users:read");
        assert_eq!(Scopes::of_claim(""), Scopes::NONE);
        assert_eq!(Scopes::NONE.to_string(), "");
    }

    #[test]
    fn what_a_set_does_not_grant_is_missing() {
        let missing = |own: &str, others: &str| {
            let missing = Scopes::of_claim(own).missing(Scopes::of_claim(others));
            missing.map(Scope::as_str).collect::<Vec<_>>()
        };
        assert_eq!(missing("users:read", "users:read"), [""; 0]);
        assert_eq!(
            missing("users:read", "users:read users:write audit:read"),
            ["users:write", "audit:read"]
        );
        assert_eq!(missing("admin", "users:write admin"), [""; 0]);
        assert_eq!(missing("keys:write", "admin"), ["admin"]);
    }
}
