use tidings_templates::TemplateSource;
use uuid::Uuid;

use super::row::VERSION;
use super::{TemplateKey, TemplateVersionRow};
use crate::GenericClient;
use crate::error::DbError;

/// Inserts a new version and returns it. Version numbers continue after a deletion, and concurrent calls
/// get different numbers. Must not run in a transaction above `READ COMMITTED`, whose snapshot never
/// shows the numbers of concurrent calls.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn insert_version(
    client: &impl GenericClient,
    key: TemplateKey<'_>,
    source: TemplateSource<'_>,
    sensitive: bool,
) -> Result<TemplateVersionRow, DbError> {
    let sql = format!(
        "INSERT INTO templates (id, name, channel, locale, version, subject, text, html, sensitive)
         SELECT $1, $2, $3, $4, coalesce(max(version), 0) + 1, $5, $6, $7, $8
         FROM templates WHERE name = $2 AND channel = $3 AND locale = $4
         ON CONFLICT (name, channel, locale, version) DO NOTHING
         RETURNING {VERSION}"
    );
    let statement = client.prepare_cached(&sql).await?;
    let id = Uuid::now_v7();
    let (name, locale) = (key.name.as_str(), key.locale.as_str());
    loop {
        let row = client
            .query_opt(
                &statement,
                &[
                    &id,
                    &name,
                    &key.channel.as_str(),
                    &locale,
                    &source.subject,
                    &source.text,
                    &source.html,
                    &sensitive,
                ],
            )
            .await?;
        // Without a row, a concurrent call took the number: try the next one.
        if let Some(row) = row {
            return Ok(TemplateVersionRow::from(&row));
        }
    }
}

/// Inserts the first version unless one exists, deleted or not. Returns whether the version was inserted.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn insert_first_version(
    client: &impl GenericClient,
    key: TemplateKey<'_>,
    source: TemplateSource<'_>,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO templates (id, name, channel, locale, version, subject, text, html)
             VALUES ($1, $2, $3, $4, 1, $5, $6, $7)
             ON CONFLICT (name, channel, locale, version) DO NOTHING",
        )
        .await?;
    let made = client
        .execute(
            &statement,
            &[
                &Uuid::now_v7(),
                &key.name.as_str(),
                &key.channel.as_str(),
                &key.locale.as_str(),
                &source.subject,
                &source.text,
                &source.html,
            ],
        )
        .await?;
    Ok(made == 1)
}

/// Marks all versions as deleted. Returns whether any version was in use.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn delete(client: &impl GenericClient, key: TemplateKey<'_>) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE templates SET deleted_at = now()
             WHERE name = $1 AND channel = $2 AND locale = $3 AND deleted_at IS NULL",
        )
        .await?;
    let (name, locale) = (key.name.as_str(), key.locale.as_str());
    let marked = client
        .execute(&statement, &[&name, &key.channel.as_str(), &locale])
        .await?;
    Ok(marked > 0)
}
