//! The table `templates`. Every change is a new version; nothing is ever overwritten.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use tidings_domain::notification::Channel;
use tidings_templates::{Locale, Source, TemplateName};
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// What a template is for: all its versions share it.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// What notifications call it by.
    pub name: &'a TemplateName,
    /// `email`, `sms` or `push`.
    pub channel: Channel,
    /// Its language.
    pub locale: &'a Locale,
}

/// One version, without what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// What notifications call it by.
    pub name: String,
    /// The channel, as it stands in the table, whose CHECK knows the values.
    pub channel: String,
    /// Its language, or `default`.
    pub locale: String,
    /// From 1.
    pub version: i32,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// One version with its sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// What notifications call it by.
    pub name: String,
    /// The channel, as it stands in the table.
    pub channel: String,
    /// Its language, or `default`.
    pub locale: String,
    /// From 1.
    pub version: i32,
    /// When this version was written.
    pub created_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// An e-mail's subject or a push message's title.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// An e-mail's HTML part.
    pub html: Option<String>,
}

const VERSION: &str = "name, channel, locale, version, created_at, deleted_at";

impl From<&tokio_postgres::Row> for Version {
    /// Of a row of `VERSION`.
    fn from(row: &tokio_postgres::Row) -> Self {
        Self {
            name: row.get(0),
            channel: row.get(1),
            locale: row.get(2),
            version: row.get(3),
            created_at: row.get(4),
            deleted_at: row.get(5),
        }
    }
}

impl From<&tokio_postgres::Row> for Template {
    /// Of a row of `VERSION, subject, text, html`.
    fn from(row: &tokio_postgres::Row) -> Self {
        Self {
            name: row.get(0),
            channel: row.get(1),
            locale: row.get(2),
            version: row.get(3),
            created_at: row.get(4),
            deleted_at: row.get(5),
            subject: row.get(6),
            text: row.get(7),
            html: row.get(8),
        }
    }
}

impl Template {
    /// What it is rendered from.
    #[must_use]
    pub fn source(&self) -> Source<'_> {
        Source {
            subject: self.subject.as_deref(),
            text: &self.text,
            html: self.html.as_deref(),
        }
    }
}

/// Writes a new version and returns it. Numbers go on after a deletion. Any number of callers may do so at
/// once: each gets a number of its own. Not within a transaction of the caller's, whose snapshot might
/// never see the others' numbers.
///
/// # Errors
///
/// Those of the query.
pub async fn put(
    client: &impl GenericClient,
    key: Key<'_>,
    source: Source<'_>,
) -> Result<Version, DbError> {
    let sql = format!(
        "INSERT INTO templates (id, name, channel, locale, version, subject, text, html)
         SELECT $1, $2, $3, $4, coalesce(max(version), 0) + 1, $5, $6, $7
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
                ],
            )
            .await?;
        // Where there is no row, somebody else took the number meanwhile, and the next is free.
        if let Some(row) = row {
            return Ok(Version::from(&row));
        }
    }
}

/// Writes the first version unless there is one, deleted or not. Returns whether it was written.
///
/// # Errors
///
/// Those of the query.
pub async fn put_first(
    client: &impl GenericClient,
    key: Key<'_>,
    source: Source<'_>,
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

/// The version in use, or `version`, which is found even once it is deleted.
///
/// # Errors
///
/// Those of the query.
pub async fn find(
    client: &impl GenericClient,
    key: Key<'_>,
    version: Option<i32>,
) -> Result<Option<Template>, DbError> {
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
    Ok(row.as_ref().map(Template::from))
}

/// The template for somebody who wants `wanted_locale`: the best there is of `de-AT`, `de` and `default`
/// (see [`Locale::candidates`]).
///
/// # Errors
///
/// Those of the query.
pub async fn resolve(
    client: &impl GenericClient,
    name: &str,
    channel: Channel,
    wanted_locale: Option<&str>,
) -> Result<Option<Template>, DbError> {
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
    Ok(row.as_ref().map(Template::from))
}

/// All versions, newest first, deleted ones included.
///
/// # Errors
///
/// Those of the query.
pub async fn versions(client: &impl GenericClient, key: Key<'_>) -> Result<Vec<Version>, DbError> {
    let sql = format!(
        "SELECT {VERSION} FROM templates WHERE name = $1 AND channel = $2 AND locale = $3
         ORDER BY version DESC"
    );
    let statement = client.prepare_cached(&sql).await?;
    let (name, locale) = (key.name.as_str(), key.locale.as_str());
    let rows = client
        .query(&statement, &[&name, &key.channel.as_str(), &locale])
        .await?;
    Ok(rows.iter().map(Version::from).collect())
}

/// The versions in use of all channels and languages of a template.
///
/// # Errors
///
/// Those of the query.
pub async fn of_name(
    client: &impl GenericClient,
    name: &TemplateName,
) -> Result<Vec<Version>, DbError> {
    let sql = format!(
        "SELECT DISTINCT ON (channel, locale) {VERSION} FROM templates
         WHERE name = $1 AND deleted_at IS NULL ORDER BY channel, locale, version DESC"
    );
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[&name.as_str()]).await?;
    Ok(rows.iter().map(Version::from).collect())
}

/// The place behind a page's last template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    name: String,
    channel: String,
    locale: String,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}~{}", self.name, self.channel, self.locale)
    }
}

/// A text that is no cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the nextCursor of an earlier page, unchanged")]
pub struct InvalidCursor;

impl FromStr for Cursor {
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

/// A page of the versions in use, by name, channel and locale, and the place where the next page starts,
/// where there is one.
///
/// # Errors
///
/// Those of the query.
pub async fn list(
    client: &impl GenericClient,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<(Vec<Version>, Option<Cursor>), DbError> {
    let sql = format!(
        "SELECT DISTINCT ON (name, channel, locale) {VERSION} FROM templates
         WHERE deleted_at IS NULL AND (name, channel, locale) > ($1, $2, $3)
         ORDER BY name, channel, locale, version DESC LIMIT $4"
    );
    let statement = client.prepare_cached(&sql).await?;
    // Nothing comes before empty texts.
    let (name, channel, locale) = after.map_or(("", "", ""), |cursor| {
        (&*cursor.name, &*cursor.channel, &*cursor.locale)
    });
    // One more than asked for tells whether another page follows.
    let more = i64::from(limit) + 1;
    let rows = client
        .query(&statement, &[&name, &channel, &locale, &more])
        .await?;
    let mut found: Vec<Version> = rows.iter().map(Version::from).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| Cursor {
        name: last.name.clone(),
        channel: last.channel.clone(),
        locale: last.locale.clone(),
    });
    Ok((found, next))
}

/// Marks all versions that are not deleted as deleted. Returns whether there were any.
///
/// # Errors
///
/// Those of the query.
pub async fn delete(client: &impl GenericClient, key: Key<'_>) -> Result<bool, DbError> {
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
