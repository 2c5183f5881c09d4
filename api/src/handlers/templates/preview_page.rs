//! `GET /api/templates/{name}/preview`.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::value::RawValue;
use tidings_domain::access::Scope;
use tidings_domain::content::Object;
use tidings_domain::notification::Channel;

use super::path::{not_found, read_name};
use super::preview::{PreviewRequest, render};
use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::html_page::preview_page;
use crate::json_body::values;
use crate::page_turn::PageTurn;
use crate::query;
use crate::state::AppState;

/// Maximum length of the variables, in bytes: a URL has little room.
const MAX_VARIABLES: usize = 8 * 1024;

/// Returns the HTML of an e-mail, as a page for `<iframe sandbox>`: it loads nothing and runs no script.
#[utoipa::path(get, path = "/api/templates/{name}/preview", operation_id = "showTemplatePreview", tag = "templates",
    params(
        ("name" = String, Path, description = "The name by which notifications refer to the template"),
        ("locale" = Option<String>, Query, description = "The preferred language. Falls back to other languages as for a notification"),
        ("version" = Option<i32>, Query, description = "A version of the template of exactly this locale (`default` if none is given). The current version by default"),
        ("variables" = Option<String>, Query, description = "The payload that a notification would have: a JSON object of at most 8192 bytes"),
    ),
    responses(
        (status = 200, description = "The HTML part of the rendered e-mail", body = String, content_type = "text/html"),
        (status = 400, description = "`details` lists everything that is wrong; `template_error` if the template cannot be rendered with these variables", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this: it needs the scope templates:write or dashboard", body = crate::error::ErrorBody),
        (status = 404, description = "There is no such template for e-mails, or it has no HTML (`no_html`)", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable, or others render for too long", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    name: Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller.check_any([Scope::TemplatesWrite, Scope::Dashboard])?;
    let name = read_name(&name)?;
    let request = parse(request.query_string())?;
    let found = state
        .database
        .run(async |client| request.find(client, &name).await)
        .await?;
    let template = found.ok_or_else(not_found)?;
    let preview = PageTurn::render(&state, move || render(&template, &request)).await??;
    let html = preview
        .html
        .ok_or_else(|| ApiError::absent("no_html", "The template has a text, and no HTML"))?;
    Ok(preview_page(html))
}

fn parse(query: &str) -> Result<PreviewRequest, ApiError> {
    let mut request = PreviewRequest {
        channel: Channel::Email,
        locale: None,
        version: None,
        variables: Object::default(),
    };
    query::read(query, |name, text, problems| {
        match name {
            "locale" => request.locale = query::value(problems, name, text, None),
            "version" => match text.parse() {
                Ok(version) if version > 0 => request.version = Some(version),
                _ => problems.push(ErrorDetail::new(name, "must be a whole number from 1")),
            },
            "variables" => match variables(text) {
                Some(variables) => request.variables = variables,
                None => problems.push(ErrorDetail::new(
                    name,
                    format!("must be a JSON object of at most {MAX_VARIABLES} bytes"),
                )),
            },
            _ => return false,
        }
        true
    })?;
    Ok(request)
}

fn variables(text: &str) -> Option<Object> {
    let text = Some(text).filter(|text| text.len() <= MAX_VARIABLES)?;
    let value: &RawValue = serde_json::from_str(text).ok()?;
    values::object(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_are_a_json_object() {
        let request = parse("locale=de_at&version=3&variables=%7B%22name%22%3A%22Anna%22%7D");
        let request = request.expect("valid");
        assert_eq!((request.version, request.variables.len()), (Some(3), 1));
        let long = format!("variables={{\"a\":\"{}\"}}", "b".repeat(MAX_VARIABLES));
        for (query, field) in [
            ("variables=%5B%5D", "variables"),
            ("variables=x", "variables"),
            (&long, "variables"),
            ("version=0", "version"),
            ("channel=email", "channel"),
        ] {
            let error = parse(query).expect_err(field);
            assert_eq!(error.details[0].field, field, "{query:.40}");
        }
    }
}
