use tidings_domain::notification::UserId;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::UserProfile;
use super::profile::UserValues;

/// Users as arrays of their columns, for statements with `unnest`.
#[derive(Default)]
pub(super) struct UserColumns<'a> {
    ids: Vec<Uuid>,
    usernames: Vec<&'a str>,
    emails: Vec<Option<&'a str>>,
    locales: Vec<Option<&'a str>>,
    timezones: Vec<Option<&'a str>>,
}

impl<'a> UserColumns<'a> {
    pub(super) fn of(users: impl Iterator<Item = (UserId, &'a UserProfile)>) -> Self {
        let mut columns = Self::default();
        for (id, profile) in users {
            let values = UserValues::of_profile(profile);
            columns.ids.push(id.as_uuid());
            columns.usernames.push(values.username);
            columns.emails.push(values.email);
            columns.locales.push(values.locale);
            columns.timezones.push(values.timezone);
        }
        columns
    }

    /// Id, name, address, locale and time zone.
    pub(super) fn parameters(&self) -> [&(dyn ToSql + Sync); 5] {
        [
            &self.ids,
            &self.usernames,
            &self.emails,
            &self.locales,
            &self.timezones,
        ]
    }
}
