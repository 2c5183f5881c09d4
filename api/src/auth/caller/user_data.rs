//! Whose contacts, preferences and settings a caller may manage.

use tidings_domain::access::Scope;
use tidings_domain::notification::UserId;

use super::Caller;
use crate::auth::AllowedUsers;
use crate::error::ApiError;

impl Caller {
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

    /// Returns the users whose preferences and settings the caller may read and change, and 403 if there are none.
    pub fn check_preferences(&self) -> Result<AllowedUsers, ApiError> {
        AllowedUsers::of(self.scopes, Scope::PreferencesWrite, self.user_id)
            .ok_or_else(Self::preferences_forbidden)
    }

    /// Returns 403 unless the caller may read and change the preferences and settings of `user`.
    pub fn check_preferences_of(&self, user: UserId) -> Result<(), ApiError> {
        if self.check_preferences()?.includes(user) {
            Ok(())
        } else {
            Err(Self::preferences_forbidden())
        }
    }

    /// Returns the caller's own user, and 403 unless the caller may read and change this user's preferences and settings.
    pub fn check_own_preferences(&self) -> Result<UserId, ApiError> {
        self.check_preferences()?;
        self.user_id
            .ok_or_else(|| ApiError::forbidden("This needs a token whose subject is a user"))
    }

    fn preferences_forbidden() -> ApiError {
        ApiError::forbidden(
            "The token does not allow managing this user's preferences and settings: it needs the scope preferences:write and the user's own id, or admin",
        )
    }

    fn contacts_forbidden() -> ApiError {
        ApiError::forbidden(
            "The token does not allow managing this user's contacts and webhook endpoints: it needs the scope contacts:write and the user's own id, or admin",
        )
    }
}
