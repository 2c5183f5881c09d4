use std::fmt;
use std::str::FromStr;

use tidings_domain::notification::Channel;
use tidings_templates::{Locale, TemplateName};

use super::TemplateVersionRow;
use super::row::VERSION;
use crate::GenericClient;
use crate::error::DbError;

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

/// The text is not a cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the nextCursor of an earlier page, unchanged")]
pub struct InvalidTemplateCursor;

impl FromStr for TemplateCursor {
    type Err = InvalidTemplateCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('~');
        let mut next = || parts.next().ok_or(InvalidTemplateCursor);
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
            .ok_or(InvalidTemplateCursor)
    }
}

/// Returns a page of the versions in use, ordered by name, channel and locale, and the cursor of the next
/// page if there is one.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    after: Option<&TemplateCursor>,
    limit: u32,
) -> Result<(Vec<TemplateVersionRow>, Option<TemplateCursor>), DbError> {
    let sql = format!(
        "SELECT DISTINCT ON (name, channel, locale) {VERSION} FROM templates
         WHERE deleted_at IS NULL AND (name, channel, locale) > ($1, $2, $3)
         ORDER BY name, channel, locale, version DESC LIMIT $4"
    );
    let statement = client.prepare_cached(&sql).await?;
    // Empty strings sort first.
    let (name, channel, locale) = after.map_or(("", "", ""), |cursor| {
        (&*cursor.name, &*cursor.channel, &*cursor.locale)
    });
    // One row more than the limit shows whether another page follows.
    let more = i64::from(limit) + 1;
    let rows = client
        .query(&statement, &[&name, &channel, &locale, &more])
        .await?;
    let mut found: Vec<TemplateVersionRow> = rows.iter().map(TemplateVersionRow::from).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| TemplateCursor {
        name: last.name.clone(),
        channel: last.channel.clone(),
        locale: last.locale.clone(),
    });
    Ok((found, next))
}
