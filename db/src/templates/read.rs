use std::collections::HashSet;

use tidings_domain::notification::Channel;
use tidings_templates::Locale;

use super::row::VERSION;
use super::{TemplateKey, TemplateRow};
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

/// Returns whether notifications with this template are sensitive.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn is_sensitive(
    client: &impl GenericClient,
    name: &str,
    channel: Channel,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("SELECT template_is_sensitive($1, $2)")
        .await?;
    let row = client
        .query_one(&statement, &[&name, &channel.as_str()])
        .await?;
    Ok(row.get(0))
}

/// Returns the templates whose notifications are sensitive, by name and channel.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list_sensitive(
    client: &impl GenericClient,
) -> Result<HashSet<(String, Channel)>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT DISTINCT name, channel FROM templates
             WHERE sensitive AND deleted_at IS NULL AND template_is_sensitive(name, channel)",
        )
        .await?;
    let rows = client.query(&statement, &[]).await?;
    let known = rows.iter().filter_map(|row| {
        let channel = row.get::<_, &str>(1).parse().ok()?;
        Some((row.get(0), channel))
    });
    Ok(known.collect())
}

/// Returns whether [`resolve`] finds a template.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn resolves(
    client: &impl GenericClient,
    name: &str,
    channel: Channel,
    wanted_locale: Option<&str>,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT FROM templates
             WHERE name = $1 AND channel = $2 AND locale = ANY($3::text[]) AND deleted_at IS NULL LIMIT 1",
        )
        .await?;
    let candidates = Locale::candidates(wanted_locale);
    let row = client
        .query_opt(&statement, &[&name, &channel.as_str(), &candidates])
        .await?;
    Ok(row.is_some())
}
