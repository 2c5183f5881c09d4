use std::collections::HashSet;

use tidings_domain::notification::UserId;

use super::columns::UserColumns;
use super::profile::UserValues;
use super::row::COLUMNS;
use super::{UserProfile, UserRow};
use crate::error::DbError;
use crate::{Transaction, phone_numbers};

/// Inserts users with their phone numbers, in one statement for all of them. Returns a row for each user who is new, and
/// `None` for one whose id, name or address a user has already, or an earlier one of `users`: that one may be a user who is
/// about to be changed.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub(super) async fn insert_all(
    transaction: &Transaction<'_>,
    users: &[(UserId, &UserProfile)],
) -> Result<Vec<Option<UserRow>>, DbError> {
    let candidates = first_of_their_values(users);
    let sql = format!(
        "INSERT INTO users (id, username, email, locale, timezone)
         SELECT id, username, email, locale, timezone
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
             WITH ORDINALITY AS new (id, username, email, locale, timezone, place)
         ORDER BY place
         ON CONFLICT DO NOTHING RETURNING {COLUMNS}"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let columns = UserColumns::of(candidates.iter().map(|index| users[*index]));
    let rows = transaction.query(&statement, &columns.parameters()).await?;
    let mut inserted: Vec<Option<UserRow>> = users.iter().map(|_| None).collect();
    let mut numbers: Vec<(UserId, Vec<&str>)> = Vec::new();
    for row in rows.iter().map(UserRow::from) {
        // Users with the same id have different names.
        let is_row = |index: &&usize| {
            let (id, profile) = users[**index];
            id == row.id && profile.username.as_str() == row.username
        };
        let Some(&index) = candidates.iter().find(is_row) else {
            continue;
        };
        let added = users[index].1.phone_numbers.as_deref().unwrap_or_default();
        let added = phone_numbers::distinct(added);
        let phone_numbers = added.iter().copied().map(str::to_owned).collect();
        numbers.push((row.id, added));
        inserted[index] = Some(UserRow {
            phone_numbers,
            ..row
        });
    }
    let numbers: Vec<(UserId, &[&str])> = numbers
        .iter()
        .map(|(user, numbers)| (*user, &**numbers))
        .collect();
    phone_numbers::add_all(transaction, &numbers).await?;
    Ok(inserted)
}

/// The places of the users of whom no earlier one has the name or the address.
fn first_of_their_values(users: &[(UserId, &UserProfile)]) -> Vec<usize> {
    let (mut names, mut emails) = (HashSet::new(), HashSet::new());
    let places = users.iter().enumerate().filter(|(_, (_, profile))| {
        let values = UserValues::of_profile(profile);
        let new_name = names.insert(values.username);
        let new_email = values.email.is_none_or(|email| emails.insert(email));
        new_name && new_email
    });
    places.map(|(place, _)| place).collect()
}
