//! `GET /api/templates/{name}/{channel}/{locale}`.

use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::templates;

use super::address::not_found;
use super::{Address, TemplateView};
use crate::auth::Caller;
use crate::error::{ApiError, Detail};
use crate::state::AppState;

/// A template's version in use, or any other.
#[utoipa::path(get, path = "/api/templates/{name}/{channel}/{locale}", operation_id = "getTemplate", tag = "templates",
    params(
        ("name" = String, Path, description = "What notifications call it by"),
        ("channel" = String, Path, description = "email, sms or push"),
        ("locale" = String, Path, description = "A language such as de, de-AT or zh-Hant, or default"),
        ("version" = Option<i32>, Query, description = "The version; without it, the one in use"),
    ),
    responses(
        (status = 200, description = "The template", body = TemplateView),
        (status = 400, description = "The path or the query is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "No valid token", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 404, description = "There is no such template or version", body = crate::error::ErrorBody),
        (status = 503, description = "The database is away", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, ApiError> {
    caller.check_templates()?;
    let address = Address::parse(&path)?;
    let version = asked_version(request.query_string())?;
    let found = state
        .database
        .run(async |client| templates::find(client, address.key(), version).await)
        .await?;
    let template = found.ok_or_else(not_found)?;
    Ok(HttpResponse::Ok().json(TemplateView::from(template)))
}

fn asked_version(query: &str) -> Result<Option<i32>, ApiError> {
    let refused = |name: &str, message: &str| {
        let name: String = name.chars().take(100).collect();
        let text = format!("Invalid query parameters: {name}");
        ApiError::bad_request("invalid_query", text, vec![Detail::new(name, message)])
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
        let words = "must be a whole number from 1";
        version = Some(number.ok_or_else(|| refused(name, words))?);
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_number_from_one() {
        assert_eq!(asked_version("").expect("none"), None);
        assert_eq!(asked_version("version=7").expect("7"), Some(7));
        for query in [
            "version=0",
            "version=-1",
            "version=x",
            "version=",
            "version=1&version=2",
            "v=1",
            "version=99999999999",
        ] {
            assert!(asked_version(query).is_err(), "{query}");
        }
    }
}
