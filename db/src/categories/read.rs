use std::collections::HashMap;

use tidings_domain::category::{CategoryKind, CategoryName};

use super::CategoryRow;
use super::row::COLUMNS;
use crate::GenericClient;
use crate::error::DbError;

/// Returns all categories, by name.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(client: &impl GenericClient) -> Result<Vec<CategoryRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM categories ORDER BY name COLLATE \"C\"");
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[]).await?;
    Ok(rows.iter().filter_map(CategoryRow::of).collect())
}

/// Finds a category.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find(
    client: &impl GenericClient,
    name: &CategoryName,
) -> Result<Option<CategoryRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM categories WHERE name = $1");
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&name.as_str()]).await?;
    Ok(row.as_ref().and_then(CategoryRow::of))
}

/// Finds categories by their names. Those that do not exist are left out.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find_all(
    client: &impl GenericClient,
    names: &[&str],
) -> Result<Vec<CategoryRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM categories WHERE name = ANY ($1)");
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[&names]).await?;
    Ok(rows.iter().filter_map(CategoryRow::of).collect())
}

/// Returns the kind of each category.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn kinds(
    client: &impl GenericClient,
) -> Result<HashMap<CategoryName, CategoryKind>, DbError> {
    let statement = client
        .prepare_cached("SELECT name, kind FROM categories")
        .await?;
    let rows = client.query(&statement, &[]).await?;
    let kinds = rows.iter().filter_map(|row| {
        let name = row.get::<_, &str>(0).parse().ok()?;
        Some((name, row.get::<_, &str>(1).parse().unwrap_or_default()))
    });
    Ok(kinds.collect())
}
