use tidings_domain::content::PhoneNumber;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::Transaction;
use crate::error::DbError;

/// Replaces the phone numbers of a user whose row the transaction has locked or inserted. `old` are the numbers of the user
/// now, and `new` those of the user afterwards: both with the number first that text messages go to. `new` must have at
/// most [`MAX_PER_USER`](super::MAX_PER_USER) numbers. Returns the new numbers, each once.
///
/// A number that keeps its place before all numbers that are added keeps its id. One that gets another place stays verified.
pub(crate) async fn replace(
    transaction: &Transaction<'_>,
    user: UserId,
    old: &[String],
    new: &[PhoneNumber],
) -> Result<Vec<String>, DbError> {
    let wanted = distinct(new);
    let kept = kept(old, &wanted);
    let removed: Vec<&str> = old
        .iter()
        .map(String::as_str)
        .filter(|number| !kept.contains(number))
        .collect();
    let mut verified: Vec<String> = Vec::new();
    if !removed.is_empty() {
        let statement = transaction
            .prepare_cached(
                "DELETE FROM phone_numbers WHERE user_id = $1 AND number = ANY ($2) RETURNING number, verified",
            )
            .await?;
        let rows = transaction
            .query(&statement, &[&user.as_uuid(), &removed])
            .await?;
        let were_verified = rows.iter().filter(|row| row.get(1)).map(|row| row.get(0));
        verified.extend(were_verified.filter(|number: &String| wanted.contains(&number.as_str())));
    }
    // The numbers that are kept are the last of `wanted`.
    let added = &wanted[..wanted.len() - kept.len()];
    add_all(transaction, &[(user, added)]).await?;
    if !verified.is_empty() {
        let statement = transaction
            .prepare_cached(
                "UPDATE phone_numbers SET verified = true WHERE user_id = $1 AND number = ANY ($2) AND NOT verified",
            )
            .await?;
        transaction
            .execute(&statement, &[&user.as_uuid(), &verified])
            .await?;
    }
    Ok(wanted.into_iter().map(str::to_owned).collect())
}

/// Gives users numbers that they do not have, in one statement. Of each user, text messages go to the first number.
///
/// # Errors
///
/// Returns the error of the query.
pub(crate) async fn add_all(
    transaction: &Transaction<'_>,
    users: &[(UserId, &[&str])],
) -> Result<(), DbError> {
    let rows = users.iter().flat_map(|(user, numbers)| {
        // The first gets the largest id.
        let numbers = numbers.iter().rev();
        numbers.map(|number| (Uuid::now_v7(), user.as_uuid(), *number))
    });
    let (ids, (owners, numbers)): (Vec<_>, (Vec<Uuid>, Vec<&str>)) =
        rows.map(|(id, user, number)| (id, (user, number))).unzip();
    if ids.is_empty() {
        return Ok(());
    }
    let statement = transaction
        .prepare_cached(
            "INSERT INTO phone_numbers (id, user_id, number)
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[])",
        )
        .await?;
    transaction
        .execute(&statement, &[&ids, &owners, &numbers])
        .await?;
    Ok(())
}

/// The numbers in their order, each once.
pub(crate) fn distinct(numbers: &[PhoneNumber]) -> Vec<&str> {
    let mut distinct: Vec<&str> = Vec::with_capacity(numbers.len());
    for number in numbers {
        if !distinct.contains(&number.as_str()) {
            distinct.push(number.as_str());
        }
    }
    distinct
}

/// The last numbers of `wanted` that keep their rows: those after which no row has to be younger than it is.
fn kept<'w>(old: &[String], wanted: &'w [&'w str]) -> &'w [&'w str] {
    let old = old
        .iter()
        .rev()
        .filter(|number| wanted.contains(&number.as_str()));
    let same = old
        .zip(wanted.iter().rev())
        .take_while(|(old, wanted)| old.as_str() == **wanted)
        .count();
    &wanted[wanted.len() - same..]
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn numbers_that_need_no_other_place_keep_their_rows() {
        for (old, wanted, expected) in [
            ("", "a", ""),
            ("a b", "", ""),
            ("a b", "a b", "a b"),
            ("a b", "c a b", "a b"),
            ("a b c", "a c", "a c"),
            ("a b", "a", "a"),
            ("a b", "b a", ""),
            ("a b c", "b a c", "c"),
            ("a", "a b", ""),
        ] {
            let numbers = |text: &str| {
                text.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            let wanted: Vec<&str> = wanted.split_whitespace().collect();
            let kept = kept(&numbers(old), &wanted).join(" ");
            assert_eq!(kept, expected, "{old} → {wanted:?}");
        }
    }
}
