//! `GET /api/templates/{name}/uses`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::Serialize;
use tidings_db::categories;
use tidings_db::templates::{self, TemplateSchedule};
use tidings_domain::access::Scope;
use tidings_domain::category::CategoryName;
use tidings_domain::notification::ScheduleId;
use utoipa::ToSchema;

use super::path::{is_of_accounts, read_name};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// The most schedules of an answer.
const MAX_SCHEDULES: u32 = 100;

/// Where a template is used. Notifications name it too: `GET /api/notifications?template=` lists those.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateUses)]
pub struct TemplateUsesView {
    /// Whether the messages of accounts use it.
    accounts: bool,
    /// The category whose digests it renders.
    #[schema(example = "news")]
    category: Option<String>,
    /// Recurring schedules that use it, at most 100.
    schedules: Vec<ScheduleUse>,
    /// Whether there are more.
    more: bool,
}

/// A recurring schedule that uses a template.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateScheduleUse)]
pub struct ScheduleUse {
    /// The schedule.
    #[schema(value_type = uuid::Uuid)]
    id: ScheduleId,
    /// The channel.
    #[schema(example = "email")]
    r#type: String,
    /// The language that it asks for.
    locale: Option<String>,
    /// The pattern of its occurrences.
    #[schema(example = "0 9 * * 1")]
    cron: String,
    /// Whether it is paused.
    paused: bool,
}

impl From<TemplateSchedule> for ScheduleUse {
    fn from(schedule: TemplateSchedule) -> Self {
        Self {
            id: schedule.id,
            r#type: schedule.r#type,
            locale: schedule.locale,
            cron: schedule.cron,
            paused: schedule.paused,
        }
    }
}

/// Returns where a template is used.
#[utoipa::path(get, path = "/api/templates/{name}/uses", operation_id = "listTemplateUses", tag = "templates",
    params(("name" = String, Path, description = "The name by which notifications refer to the template")),
    responses(
        (status = 200, description = "Where it is used; nowhere if there is no such template", body = TemplateUsesView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this: it needs the scope templates:write or dashboard", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    name: Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller.check_any([Scope::TemplatesWrite, Scope::Dashboard])?;
    let name = read_name(&name)?;
    let digested = name.as_str().strip_prefix("digest/");
    let digested: Option<CategoryName> = digested.and_then(|name| name.parse().ok());
    let reading = state.database.run(async |client| {
        let category = match &digested {
            Some(category) => categories::find(client, category).await?,
            None => None,
        };
        let schedules = templates::schedules_with(client, &name, MAX_SCHEDULES + 1).await?;
        Ok((category, schedules))
    });
    let (category, mut schedules) = reading.await?;
    let most = usize::try_from(MAX_SCHEDULES).unwrap_or(usize::MAX);
    let more = schedules.len() > most;
    schedules.truncate(most);
    Ok(HttpResponse::Ok().json(TemplateUsesView {
        accounts: is_of_accounts(&name),
        category: category.map(|category| category.name.to_string()),
        schedules: schedules.into_iter().map(ScheduleUse::from).collect(),
        more,
    }))
}
