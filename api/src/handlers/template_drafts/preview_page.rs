//! `POST /api/template-drafts/preview/html`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_domain::access::Scope;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::draft::Draft;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::html_page::preview_page;
use crate::request_body::read_form;
use crate::state::AppState;

/// The path. A session of the dashboard may use it without `X-CSRF-Token`, which a form cannot send: it changes nothing.
pub const PATH: &str = "/api/template-drafts/preview/html";

/// The only field of the form.
const DRAFT: &str = "draft";

/// The form.
#[derive(ToSchema)]
#[schema(as = TemplateDraftForm)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct DraftForm {
    /// What `POST /api/template-drafts/preview` takes, as JSON.
    #[schema(
        example = "{\"channel\": \"email\", \"subject\": \"s\", \"text\": \"t\", \"html\": \"<b>t</b>\", \"variables\": {}}"
    )]
    draft: String,
}

/// Returns the HTML of an e-mail that is not saved, as a page for `<iframe sandbox>`: it loads nothing and runs no script. It takes
/// a form, because the content of a frame comes from a link or a form, and a link has too little room.
#[utoipa::path(post, path = "/api/template-drafts/preview/html", operation_id = "showTemplateDraft", tag = "templates",
    request_body(content = DraftForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The HTML part of the e-mail", body = String, content_type = "text/html"),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 404, description = "There is no HTML, or it cannot be rendered (`no_html`)", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not a form", body = crate::error::ErrorBody),
        (status = 503, description = "Too many bytes are in flight, or others render for too long", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::TemplatesWrite)?;
    let body = read_form(&request, payload, &state).await?;
    let preview = Draft::preview(field(&body)?.as_bytes(), &state).await?;
    let no_html = || ApiError::absent("no_html", "There is no HTML, or it cannot be rendered");
    let html = preview.html.ok_or_else(no_html)?;
    Ok(preview_page(html))
}

fn field(body: &[u8]) -> Result<String, ApiError> {
    let mut fields = form_urlencoded::parse(body);
    let draft = match (fields.next(), fields.next()) {
        (Some((name, draft)), None) if name == DRAFT => Some(draft.into_owned()),
        _ => None,
    };
    draft.ok_or_else(|| {
        let details = vec![ErrorDetail::new(DRAFT, "must be the only field")];
        ApiError::bad_request(
            "invalid_request",
            "The form must have one field: draft",
            details,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_has_one_field() {
        assert_eq!(
            field(b"draft=%7B%22a%22%7D+1").ok().as_deref(),
            Some("{\"a\"} 1")
        );
        for body in ["", "draft", "other=1", "draft=1&draft=2"] {
            let found = field(body.as_bytes());
            assert_eq!(found.is_ok(), body == "draft", "{body}: {found:?}");
        }
    }
}
