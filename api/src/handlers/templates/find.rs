//! `GET /api/templates/{name}/{channel}/{locale}`.

use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::templates;
use tidings_domain::access::Scope;

use super::path::not_found;
use super::{TemplatePath, TemplateView};
use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::json_body::shown;
use crate::state::AppState;

/// Returns the current version of a template, or the given one.
#[utoipa::path(get, path = "/api/templates/{name}/{channel}/{locale}", operation_id = "getTemplate", tag = "templates",
    params(
        ("name" = String, Path, description = "The name by which notifications refer to the template"),
        ("channel" = String, Path, description = "email, sms or push"),
        ("locale" = String, Path, description = "A language such as de, de-AT or zh-Hant, or default"),
        ("version" = Option<i32>, Query, description = "The version; the current one by default"),
    ),
    responses(
        (status = 200, description = "The template", body = TemplateView),
        (status = 400, description = "The path or the query is invalid", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has neither the scope `templates:write` nor `dashboard`", body = crate::error::ErrorBody),
        (status = 404, description = "There is no such template or version", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, ApiError> {
    caller.check_any([Scope::TemplatesWrite, Scope::Dashboard])?;
    let template_path = TemplatePath::parse(&path)?;
    let version = version_parameter(request.query_string())?;
    let found = state
        .database
        .run(async |client| templates::find(client, template_path.key(), version).await)
        .await?;
    let template = found.ok_or_else(not_found)?;
    Ok(HttpResponse::Ok().json(TemplateView::from(template)))
}

fn version_parameter(query: &str) -> Result<Option<i32>, ApiError> {
    let refused = |name: &str, message: &str| {
        let name = shown(name);
        let text = format!("Invalid query parameters: {name}");
        ApiError::bad_request("invalid_query", text, vec![ErrorDetail::new(name, message)])
    };
    let Query(pairs) = Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|_| refused("?", "cannot be read"))?;
    let mut version = None;
    for (name, value) in &pairs {
        if name != "version" {
            return Err(refused(name, "is not a parameter of this path"));
        }
        if version.is_some() {
            return Err(refused(name, "is given more than once"));
        }
        let number = value.parse().ok().filter(|number| *number > 0);
        let message = "must be a whole number from 1";
        version = Some(number.ok_or_else(|| refused(name, message))?);
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_number_from_one() {
        assert_eq!(version_parameter("").expect("none"), None);
        assert_eq!(version_parameter("version=7").expect("7"), Some(7));
        for query in [
            "version=0",
            "version=-1",
            "version=x",
            "version=",
            "version=1&version=2",
            "v=1",
            "version=99999999999",
        ] {
            assert!(version_parameter(query).is_err(), "{query}");
        }
    }
}
