use tidings_domain::notification::ScheduleId;
use tidings_templates::TemplateName;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// A recurring schedule that uses a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateSchedule {
    /// The schedule.
    pub id: ScheduleId,
    /// The channel's name.
    pub r#type: String,
    /// The language that it asks for.
    pub locale: Option<String>,
    /// The pattern of its occurrences.
    pub cron: String,
    /// Whether it is paused.
    pub paused: bool,
}

/// Lists recurring schedules that use the template `name`, at most `limit`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn schedules_with(
    client: &impl GenericClient,
    name: &TemplateName,
    limit: u32,
) -> Result<Vec<TemplateSchedule>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id, type, template_locale, cron, paused FROM schedules
             WHERE template_name = $1 ORDER BY id LIMIT $2",
        )
        .await?;
    let rows = client
        .query(&statement, &[&name.as_str(), &i64::from(limit)])
        .await?;
    let schedules = rows.iter().map(|row| TemplateSchedule {
        id: ScheduleId::from(row.get::<_, Uuid>(0)),
        r#type: row.get(1),
        locale: row.get(2),
        cron: row.get(3),
        paused: row.get(4),
    });
    Ok(schedules.collect())
}
