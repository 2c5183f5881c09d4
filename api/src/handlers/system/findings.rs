//! `GET /api/system/findings`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use tidings_doctor::{CheckResult, Severity};
use tidings_domain::access::Scope;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// What the checks have found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SystemFindings)]
pub struct FindingsView {
    /// When the checks ended.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How many findings are errors.
    errors: usize,
    /// How many are warnings.
    warnings: usize,
    /// The results of all checks.
    findings: Vec<FindingView>,
}

/// The result of a check.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SystemFinding)]
pub struct FindingView {
    /// The check.
    #[schema(example = "migrations")]
    check: &'static str,
    /// `ok`, `info`, `warning` or `error`.
    #[schema(value_type = String, example = "warning")]
    severity: Severity,
    /// What was found.
    message: String,
    /// How to fix it; null if nothing is wrong.
    remedy: Option<String>,
}

impl From<&CheckResult> for FindingView {
    fn from(result: &CheckResult) -> Self {
        Self {
            check: result.check,
            severity: result.severity,
            message: result.message.clone(),
            remedy: result.remedy.clone(),
        }
    }
}

/// Checks the settings of the API and the servers, like `tidings doctor`, and changes nothing. The answer may be up to 10 s old,
/// and takes up to a minute if a server does not respond.
#[utoipa::path(get, path = "/api/system/findings", operation_id = "getSystemFindings", tag = "system",
    responses(
        (status = 200, description = "The findings, those that are wrong included", body = FindingsView),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `dashboard`", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::Dashboard)?;
    let run = state.system_checks.run().await;
    Ok(HttpResponse::Ok().json(FindingsView {
        at: run.at,
        errors: run.results.count_of(Severity::Error),
        warnings: run.results.count_of(Severity::Warning),
        findings: run.results.0.iter().map(FindingView::from).collect(),
    }))
}
