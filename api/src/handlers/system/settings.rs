//! `GET /api/system/settings`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use tidings_domain::access::Scope;
use tidings_settings::{ProgramName, SettingReport, report, table};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// The settings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SystemSettings)]
pub struct SettingsView {
    /// In the order of the documentation.
    settings: Vec<SettingView>,
}

/// One setting.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SystemSetting)]
pub struct SettingView {
    /// The environment variable.
    #[schema(example = "API_PORT")]
    name: &'static str,
    /// The value: `***` for a secret that is set, and a URL without its password. Null if there is none.
    #[schema(example = "3000")]
    value: Option<String>,
    /// `default`, `environment`, `.env`, or the file; null without a value.
    #[schema(example = "environment")]
    source: Option<String>,
    /// Whether the value is, or contains, a secret.
    is_secret: bool,
    /// Whether the setting is required and has no value.
    missing: bool,
    /// Why the file of a secret cannot be read.
    mistake: Option<String>,
    /// The programs that read it: `api`, `worker`, `tidings`.
    used_by: Vec<&'static str>,
}

impl From<SettingReport> for SettingView {
    fn from(report: SettingReport) -> Self {
        let setting = table::find(report.name);
        Self {
            is_secret: setting.is_some_and(|setting| setting.kind.is_secret()),
            used_by: setting.map_or_else(Vec::new, |setting| {
                setting.used_by.iter().map(ProgramName::as_str).collect()
            }),
            name: report.name,
            value: report.value,
            source: report.source,
            missing: report.missing,
            mistake: report.mistake,
        }
    }
}

/// Returns all settings as this process of the API finds them, without secrets, like `tidings config show`. Other programs may
/// have others.
#[utoipa::path(get, path = "/api/system/settings", operation_id = "getSystemSettings", tag = "system",
    responses(
        (status = 200, description = "The settings", body = SettingsView),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `admin`", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::Admin)?;
    // The files of secrets are read.
    let reports = actix_web::web::block(move || report(state.system_checks.sources()))
        .await
        .map_err(ApiError::internal)?;
    let settings = reports.into_iter().map(SettingView::from).collect();
    Ok(HttpResponse::Ok().json(SettingsView { settings }))
}
