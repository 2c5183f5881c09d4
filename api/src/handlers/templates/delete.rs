//! `DELETE /api/templates/{name}/{channel}/{locale}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::{TransactionOptions, templates};
use tidings_domain::access::Scope;

use super::TemplatePath;
use super::path::not_found;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// Deletes a template. Its versions are kept and can still be read.
#[utoipa::path(delete, path = "/api/templates/{name}/{channel}/{locale}", operation_id = "deleteTemplate", tag = "templates",
    params(
        ("name" = String, Path, description = "The name by which notifications refer to the template"),
        ("channel" = String, Path, description = "email, sms or push"),
        ("locale" = String, Path, description = "A language such as de, de-AT or zh-Hant, or default"),
    ),
    responses(
        (status = 204, description = "The template is deleted"),
        (status = 400, description = "The path is invalid", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this; or `account_template`: only the scope `admin` may write templates whose names begin with `account-`", body = crate::error::ErrorBody),
        (status = 404, description = "There is no such template", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    origin: Origin,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::TemplatesWrite)?;
    let template_path = TemplatePath::parse(&path)?;
    template_path.check_write(&caller)?;
    let deleted = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let deleted = templates::delete(transaction, template_path.key()).await?;
            if deleted {
                let entry = origin.0.entry(Action::TemplateDelete);
                let entry = entry.on(TargetKind::Template, template_path.audit_target());
                audit::record(transaction, &entry).await?;
            }
            Ok(deleted)
        })
        .await?;
    if !deleted {
        return Err(not_found());
    }
    tracing::info!(
        template = %template_path.name,
        channel = template_path.channel.as_str(),
        locale = %template_path.locale,
        subject = caller.subject(),
        "template deleted"
    );
    Ok(HttpResponse::NoContent().finish())
}
