use tidings_db::users::{self, ContactRights, PutManyResult, PutResult, UserProfile};
use tidings_db::{Database, DbError, TransactionOptions};
use tidings_domain::notification::UserId;

use super::super::taken;
use super::line::UserLine;
use crate::operator::operator;

/// What came of a batch.
#[derive(Debug, Default)]
pub struct StoredBatch {
    /// How many users are new.
    pub created: u64,
    /// How many lines are left out.
    pub failed: u64,
    /// What is wrong with them: the number of the line, the field and the problem.
    pub problems: Vec<(u64, &'static str, &'static str)>,
}

/// Stores a batch in which each id occurs once.
pub async fn store(database: &Database, batch: &[UserLine]) -> Result<StoredBatch, DbError> {
    if let Some(stored) = store_together(database, batch).await? {
        return Ok(stored);
    }
    let origin = operator();
    // One after the other, to find out which of them are wrong.
    database
        .transaction(TransactionOptions::default(), async |transaction| {
            let users = batch.iter().map(|line| (Some(line.id), &line.profile));
            let users: Vec<_> = users.collect();
            let results = users::put_all(transaction, &users, ContactRights::All).await?;
            let (mut stored, mut updated) = (StoredBatch::default(), 0);
            for (line, result) in batch.iter().zip(results) {
                match result {
                    PutResult::Created(_) => stored.created += 1,
                    PutResult::Updated(_) => updated += 1,
                    PutResult::Unchanged(_) => {}
                    PutResult::HasRole => {
                        let problem = (line.number, "id", "is the id of a user with a role");
                        stored.problems.push(problem);
                        stored.failed += 1;
                    }
                    PutResult::Erased => {
                        let problem = (line.number, "id", "is the id of a deleted user");
                        stored.problems.push(problem);
                        stored.failed += 1;
                    }
                    PutResult::Taken(fields) => {
                        let problems = taken(fields);
                        let named = problems.map(|(field, problem)| (line.number, field, problem));
                        stored.problems.extend(named);
                        stored.failed += 1;
                    }
                }
            }
            users::record_import(transaction, &origin, stored.created, updated).await?;
            Ok(stored)
        })
        .await
}

/// Stores all users in one statement. Returns `None` if that is not possible.
async fn store_together(
    database: &Database,
    batch: &[UserLine],
) -> Result<Option<StoredBatch>, DbError> {
    let has_phone_numbers = |line: &UserLine| line.profile.phone_numbers.is_some();
    if batch.iter().any(has_phone_numbers) {
        return Ok(None);
    }
    let profiles = batch.iter().map(|line| (line.id, line.profile.clone()));
    let profiles: Vec<(UserId, UserProfile)> = profiles.collect();
    let origin = operator();
    let put = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let put = users::put_many(transaction, &profiles).await?;
            // A transaction that has met a taken name is aborted.
            if let PutManyResult::Put { created, updated } = put {
                users::record_import(transaction, &origin, created, updated).await?;
            }
            Ok(put)
        })
        .await?;
    Ok(match put {
        PutManyResult::Put { created, .. } => Some(StoredBatch {
            created,
            ..StoredBatch::default()
        }),
        PutManyResult::Taken => None,
    })
}
