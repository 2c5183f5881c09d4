use tidings_domain::change::Change;
use tidings_domain::content::{EmailAddress, PhoneNumber};
use tidings_domain::time::Timezone;
use tidings_domain::user::Username;
use tidings_templates::Locale;

use super::UserRow;

/// What is known about a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserProfile {
    /// Unique.
    pub username: Username,
    /// Unique.
    pub email: Option<EmailAddress>,
    /// The user's language.
    pub locale: Option<Locale>,
    /// The user's time zone.
    pub timezone: Option<Timezone>,
    /// All phone numbers of the user, at most [`MAX_PER_USER`](crate::phone_numbers::MAX_PER_USER). Text messages go to the
    /// first. `None` leaves the numbers as they are.
    pub phone_numbers: Option<Vec<PhoneNumber>>,
}

/// Changes of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// The new name; `None` keeps the name.
    pub username: Option<Username>,
    /// The new address.
    pub email: Change<EmailAddress>,
    /// The new language.
    pub locale: Change<Locale>,
    /// The new time zone.
    pub timezone: Change<Timezone>,
    /// As for a [`UserProfile`].
    pub phone_numbers: Option<Vec<PhoneNumber>>,
}

/// The values of the columns that clients set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct UserValues<'a> {
    pub(super) username: &'a str,
    pub(super) email: Option<&'a str>,
    pub(super) locale: Option<&'a str>,
    pub(super) timezone: Option<&'a str>,
}

impl<'a> UserValues<'a> {
    pub(super) fn of_profile(profile: &'a UserProfile) -> Self {
        Self {
            username: profile.username.as_str(),
            email: profile.email.as_ref().map(EmailAddress::as_str),
            locale: profile.locale.as_ref().map(Locale::as_str),
            timezone: profile.timezone.as_ref().map(Timezone::name),
        }
    }

    pub(super) fn of_row(row: &'a UserRow) -> Self {
        Self {
            username: &row.username,
            email: row.email.as_deref(),
            locale: row.locale.as_deref(),
            timezone: row.timezone.as_deref(),
        }
    }

    /// The values of a row after changes.
    pub(super) fn changed(row: &'a UserRow, changes: &'a UserChanges) -> Self {
        let old = Self::of_row(row);
        Self {
            username: changes
                .username
                .as_ref()
                .map_or(old.username, Username::as_str),
            email: changed(&changes.email, old.email, EmailAddress::as_str),
            locale: changed(&changes.locale, old.locale, Locale::as_str),
            timezone: changed(&changes.timezone, old.timezone, Timezone::name),
        }
    }
}

fn changed<'a, T>(
    change: &'a Change<T>,
    old: Option<&'a str>,
    text: impl Fn(&'a T) -> &'a str,
) -> Option<&'a str> {
    match change {
        Change::Keep => old,
        Change::Set(new) => new.as_ref().map(text),
    }
}
