use tidings_domain::notification::Channel;
use tidings_templates::{Locale, TemplateName};

use super::row::VERSION;
use super::{TemplateKey, TemplateRow, TemplateVersionRow};
use crate::GenericClient;
use crate::error::DbError;

/// Finds the version in use, or `version` even if that version is deleted.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find(
    client: &impl GenericClient,
    key: TemplateKey<'_>,
    version: Option<i32>,
) -> Result<Option<TemplateRow>, DbError> {
    let sql = format!(
        "SELECT {VERSION}, subject, text, html FROM templates
         WHERE name = $1 AND channel = $2 AND locale = $3
           AND CASE WHEN $4::integer IS NULL THEN deleted_at IS NULL ELSE version = $4 END
         ORDER BY version DESC LIMIT 1"
    );
    let statement = client.prepare_cached(&sql).await?;
    let (name, locale) = (key.name.as_str(), key.locale.as_str());
    let row = client
        .query_opt(
            &statement,
            &[&name, &key.channel.as_str(), &locale, &version],
        )
        .await?;
    Ok(row.as_ref().map(TemplateRow::from))
}

/// Finds the template for `wanted_locale`: for `de-AT` the first that exists of `de-AT`, `de` and
/// `default` (see [`Locale::candidates`]).
///
/// # Errors
///
/// Returns the error of the query.
pub async fn resolve(
    client: &impl GenericClient,
    name: &str,
    channel: Channel,
    wanted_locale: Option<&str>,
) -> Result<Option<TemplateRow>, DbError> {
    let sql = format!(
        "SELECT {VERSION}, subject, text, html FROM templates
         WHERE name = $1 AND channel = $2 AND locale = ANY($3::text[]) AND deleted_at IS NULL
         ORDER BY array_position($3::text[], locale), version DESC LIMIT 1"
    );
    let statement = client.prepare_cached(&sql).await?;
    let candidates = Locale::candidates(wanted_locale);
    let row = client
        .query_opt(&statement, &[&name, &channel.as_str(), &candidates])
        .await?;
    Ok(row.as_ref().map(TemplateRow::from))
}

/// Lists all versions, the newest first, deleted versions included.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list_versions(
    client: &impl GenericClient,
    key: TemplateKey<'_>,
) -> Result<Vec<TemplateVersionRow>, DbError> {
    let sql = format!(
        "SELECT {VERSION} FROM templates WHERE name = $1 AND channel = $2 AND locale = $3
         ORDER BY version DESC"
    );
    let statement = client.prepare_cached(&sql).await?;
    let (name, locale) = (key.name.as_str(), key.locale.as_str());
    let rows = client
        .query(&statement, &[&name, &key.channel.as_str(), &locale])
        .await?;
    Ok(rows.iter().map(TemplateVersionRow::from).collect())
}

/// Lists the versions in use of a template, for all channels and locales.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list_by_name(
    client: &impl GenericClient,
    name: &TemplateName,
) -> Result<Vec<TemplateVersionRow>, DbError> {
    let sql = format!(
        "SELECT DISTINCT ON (channel, locale) {VERSION} FROM templates
         WHERE name = $1 AND deleted_at IS NULL ORDER BY channel, locale, version DESC"
    );
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[&name.as_str()]).await?;
    Ok(rows.iter().map(TemplateVersionRow::from).collect())
}
