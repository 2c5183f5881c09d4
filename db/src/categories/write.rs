use tidings_domain::category::CategoryName;

use super::row::COLUMNS;
use super::{CategoryRow, NewCategory, find};
use crate::Transaction;
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;

/// The maximum number of categories.
pub const MAX_CATEGORIES: i64 = 500;

/// The class of the advisory lock of those that create categories; "ctgy" in ASCII.
const LOCK: i64 = 0x6374_6779;

/// The result of [`put`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutResult {
    /// The category is new.
    Created(CategoryRow),
    /// The category has another definition.
    Updated(CategoryRow),
    /// The category had this definition before.
    Unchanged(CategoryRow),
    /// The category is built in, and stays as it is.
    BuiltIn,
    /// There are [`MAX_CATEGORIES`].
    LimitReached,
}

/// The result of [`delete`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteResult {
    /// The category does not exist any more.
    Deleted,
    /// The category is built in, and stays.
    BuiltIn,
    /// There was no such category.
    NotFound,
}

/// Creates a category or gives it another definition, and writes an entry of the audit log. Transactions that put categories
/// wait for each other.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn put(
    transaction: &Transaction<'_>,
    name: &CategoryName,
    new: &NewCategory,
    origin: &AuditOrigin,
) -> Result<PutResult, DbError> {
    if *name == CategoryName::security() {
        return Ok(PutResult::BuiltIn);
    }
    let lock = transaction
        .prepare_cached("SELECT pg_advisory_xact_lock($1)")
        .await?;
    transaction.query_one(&lock, &[&LOCK]).await?;
    let old = find(transaction, name).await?;
    if let Some(old) = &old
        && old.category == *new
    {
        return Ok(PutResult::Unchanged(old.clone()));
    }
    if old.is_none() && count(transaction).await? >= MAX_CATEGORIES {
        return Ok(PutResult::LimitReached);
    }
    let sql = format!(
        "INSERT INTO categories (name, kind, label, description, defaults, quiet, listed, throttle, unsubscribe,
                                 digest)
         VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $7, $8::text::jsonb, $9, $10::text::jsonb)
         ON CONFLICT (name) DO UPDATE
         SET kind = excluded.kind, label = excluded.label, description = excluded.description,
             defaults = excluded.defaults, quiet = excluded.quiet, listed = excluded.listed,
             throttle = excluded.throttle, unsubscribe = excluded.unsubscribe,
             digest = excluded.digest, updated_at = now()
         RETURNING {COLUMNS}"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let row = transaction
        .query_one(
            &statement,
            &[
                &name.as_str(),
                &new.kind.as_str(),
                &new.label,
                &new.description,
                &new.defaults_json(),
                &new.quiet.as_str(),
                &new.listed,
                &new.throttle_json(),
                &new.unsubscribe,
                &new.digest_json(),
            ],
        )
        .await?;
    let entry = origin
        .entry(Action::CategoryPut)
        .on(TargetKind::Category, name)
        .with("kind", new.kind.as_str());
    audit::record(transaction, &entry).await?;
    let row = CategoryRow::of(&row);
    Ok(match (row, old) {
        (Some(row), None) => PutResult::Created(row),
        (Some(row), Some(_)) => PutResult::Updated(row),
        // The name is valid, so the row can be read.
        (None, _) => PutResult::BuiltIn,
    })
}

/// Deletes a category, and writes an entry of the audit log. What users have chosen about it stays, and counts again if the
/// category is created again. Its notifications stay, too, and are handled as transactional.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn delete(
    transaction: &Transaction<'_>,
    name: &CategoryName,
    origin: &AuditOrigin,
) -> Result<DeleteResult, DbError> {
    if *name == CategoryName::security() {
        return Ok(DeleteResult::BuiltIn);
    }
    let statement = transaction
        .prepare_cached("DELETE FROM categories WHERE name = $1")
        .await?;
    let deleted = transaction.execute(&statement, &[&name.as_str()]).await?;
    if deleted == 0 {
        return Ok(DeleteResult::NotFound);
    }
    let entry = origin.entry(Action::CategoryDelete);
    audit::record(transaction, &entry.on(TargetKind::Category, name)).await?;
    Ok(DeleteResult::Deleted)
}

async fn count(transaction: &Transaction<'_>) -> Result<i64, DbError> {
    let statement = transaction
        .prepare_cached("SELECT count(*) FROM categories")
        .await?;
    Ok(transaction.query_one(&statement, &[]).await?.get(0))
}
