use std::fmt;
use std::str::FromStr;

use tidings_domain::notification::Channel;
use tidings_templates::{Locale, TemplateName};
use tokio_postgres::types::ToSql;

use super::row::VERSION;
use super::{TemplateKey, TemplateVersionRow};
use crate::GenericClient;
use crate::error::DbError;
use crate::page::{InvalidCursor, NumberCursor, read_page};

/// The position after the last template of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateCursor {
    name: String,
    channel: String,
    locale: String,
}

impl fmt::Display for TemplateCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}~{}", self.name, self.channel, self.locale)
    }
}

impl FromStr for TemplateCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('~');
        let mut next = || parts.next().ok_or(InvalidCursor);
        let (name, channel, locale) = (next()?, next()?, next()?);
        let valid = next().is_err()
            && name.parse::<TemplateName>().is_ok()
            && channel.parse::<Channel>().is_ok()
            && locale.parse::<Locale>().is_ok();
        valid
            .then(|| Self {
                name: name.to_owned(),
                channel: channel.to_owned(),
                locale: locale.to_owned(),
            })
            .ok_or(InvalidCursor)
    }
}

impl From<&TemplateVersionRow> for TemplateCursor {
    fn from(row: &TemplateVersionRow) -> Self {
        Self {
            name: row.name.clone(),
            channel: row.channel.clone(),
            locale: row.locale.clone(),
        }
    }
}

/// Returns a page of the versions in use, of one name or of all, ordered by name, channel and locale, and the cursor of
/// the next page if there is one.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    name: Option<&TemplateName>,
    after: Option<TemplateCursor>,
    limit: u32,
) -> Result<(Vec<TemplateVersionRow>, Option<TemplateCursor>), DbError> {
    let sql = format!(
        "SELECT DISTINCT ON (name, channel, locale) {VERSION} FROM templates
         WHERE deleted_at IS NULL AND (name, channel, locale) > ($1, $2, $3)
           AND ($4::text IS NULL OR name = $4)
         ORDER BY name, channel, locale, version DESC LIMIT $5"
    );
    let statement = client.prepare_cached(&sql).await?;
    let name = name.map(TemplateName::as_str);
    let query = async |after: Option<&TemplateCursor>, rows: i64| {
        // Empty strings sort first.
        let (last_name, channel, locale) = after.map_or((name.unwrap_or(""), "", ""), |cursor| {
            (&*cursor.name, &*cursor.channel, &*cursor.locale)
        });
        let parameters: [&(dyn ToSql + Sync); 5] = [&last_name, &channel, &locale, &name, &rows];
        Ok(client.query_raw(&statement, parameters).await?)
    };
    let cursor_of = |row: &TemplateVersionRow| TemplateCursor::from(row);
    read_page(limit, after, query, cursor_of).await
}

/// Returns a page of all versions of a template, the newest first, deleted versions included, and the cursor of the
/// next page if there is one.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list_versions(
    client: &impl GenericClient,
    key: TemplateKey<'_>,
    after: Option<NumberCursor>,
    limit: u32,
) -> Result<(Vec<TemplateVersionRow>, Option<NumberCursor>), DbError> {
    let sql = format!(
        "SELECT {VERSION} FROM templates
         WHERE name = $1 AND channel = $2 AND locale = $3 AND version < $4
         ORDER BY version DESC LIMIT $5"
    );
    let statement = client.prepare_cached(&sql).await?;
    let (name, channel, locale) = (key.name.as_str(), key.channel.as_str(), key.locale.as_str());
    let query = async |after: Option<&NumberCursor>, rows: i64| {
        // A cursor beyond the largest version has the same meaning as none.
        let after = after.and_then(|NumberCursor(version)| i32::try_from(*version).ok());
        let after = after.unwrap_or(i32::MAX);
        let parameters: [&(dyn ToSql + Sync); 5] = [&name, &channel, &locale, &after, &rows];
        Ok(client.query_raw(&statement, parameters).await?)
    };
    let cursor_of = |row: &TemplateVersionRow| NumberCursor(row.version.into());
    read_page(limit, after, query, cursor_of).await
}
