//! `DELETE /api/templates/{name}/{channel}/{locale}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use tidings_db::templates;

use super::Address;
use super::address::not_found;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// Takes a template out of use. Its versions are kept and can be read.
#[utoipa::path(delete, path = "/api/templates/{name}/{channel}/{locale}", operation_id = "deleteTemplate", tag = "templates",
    params(
        ("name" = String, Path, description = "What notifications call it by"),
        ("channel" = String, Path, description = "email, sms or push"),
        ("locale" = String, Path, description = "A language such as de, de-AT or zh-Hant, or default"),
    ),
    responses(
        (status = 204, description = "It is no longer used"),
        (status = 400, description = "The path is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "No valid token", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 404, description = "There is no such template", body = crate::error::ErrorBody),
        (status = 503, description = "The database is away", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, ApiError> {
    caller.check_templates()?;
    let address = Address::parse(&path)?;
    let deleted = state
        .database
        .run(async |client| templates::delete(client, address.key()).await)
        .await?;
    if !deleted {
        return Err(not_found());
    }
    tracing::info!(
        template = %address.name,
        channel = address.channel.as_str(),
        locale = %address.locale,
        subject = caller.subject(),
        "template deleted"
    );
    Ok(HttpResponse::NoContent().finish())
}
