//! `POST /api/templates/{name}/preview`.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::value::RawValue;
use tidings_db::templates::{self, TemplateKey, TemplateRow};
use tidings_domain::access::Scope;
use tidings_domain::content::{Object, Rendered};
use tidings_domain::notification::Channel;
use tidings_templates::{Locale, TemplateName};
use utoipa::ToSchema;

use super::path::{not_found, read_channel, read_name};
use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::json_body::{ObjectReader, values};
use crate::page_turn::PageTurn;
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = NewPreview)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewPreviewBody {
    /// The channel: `email`, `sms` or `push`.
    #[schema(example = "email")]
    channel: String,
    /// The preferred language. Falls back to other languages as for a notification.
    #[schema(example = "de-AT")]
    locale: Option<String>,
    /// A version of the template of exactly this locale (`default` if none is given). The current
    /// version by default.
    version: Option<i32>,
    /// The payload that a notification would have.
    #[schema(value_type = Object, example = json!({"name": "Anna"}))]
    variables: (),
}

/// The rendered message.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    /// The template that was rendered.
    template: PreviewTemplate,
    /// An e-mail's subject or a push message's title.
    subject: Option<String>,
    /// The text.
    text: String,
    /// An e-mail's HTML part.
    pub(super) html: Option<String>,
}

/// The template of a rendered message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsedTemplate)]
pub struct PreviewTemplate {
    /// The name by which notifications refer to the template.
    #[schema(example = "welcome")]
    name: String,
    /// The channel: `email`, `sms` or `push`.
    #[schema(example = "email")]
    channel: String,
    /// The locale that was found.
    #[schema(example = "de")]
    locale: String,
    /// Its version; 0 for a built-in one.
    version: i32,
}

impl From<&TemplateRow> for PreviewTemplate {
    fn from(row: &TemplateRow) -> Self {
        Self {
            name: row.name.clone(),
            channel: row.channel.clone(),
            locale: row.locale.clone(),
            version: row.version,
        }
    }
}

/// Renders a template with the given variables, without sending anything.
#[utoipa::path(post, path = "/api/templates/{name}/preview", operation_id = "previewTemplate", tag = "templates",
    params(("name" = String, Path, description = "The name by which notifications refer to the template")),
    request_body = NewPreviewBody,
    responses(
        (status = 200, description = "The rendered message", body = Preview),
        (status = 400, description = "`details` lists everything that is wrong; `template_error` if the template cannot be rendered with these variables", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 404, description = "There is no such template", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable, or others render for too long", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    name: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::TemplatesWrite)?;
    let name = read_name(&name)?;
    let body = read_json(&request, payload, &state).await?;
    let request = PreviewRequest::parse(&body)?;
    let found = state
        .database
        .run(async |client| request.find(client, &name).await)
        .await?;
    let template = found.ok_or_else(not_found)?;
    let preview = PageTurn::render(&state, move || render(&template, &request)).await??;
    Ok(HttpResponse::Ok().json(preview))
}

/// Renders a template.
///
/// # Errors
///
/// Returns 400 if it cannot be rendered, or if the channel does not accept the result.
pub(super) fn render(
    template: &TemplateRow,
    request: &PreviewRequest,
) -> Result<Preview, ApiError> {
    let rendered =
        tidings_templates::render(template.source(), &request.variables).map_err(|error| {
            let detail = ErrorDetail::new(error.part.as_str(), error.problem.to_string());
            let message = format!("The template cannot be rendered: {error}");
            ApiError::bad_request("template_error", message, vec![detail])
        })?;
    check_sendable(&rendered, request)?;
    Ok(Preview {
        template: PreviewTemplate::from(template),
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
    })
}

/// Returns 400 if the channel does not accept the rendered message, such as an SMS that is too long.
fn check_sendable(rendered: &Rendered, request: &PreviewRequest) -> Result<(), ApiError> {
    let Err(problems) = rendered.content(request.channel, &request.variables) else {
        return Ok(());
    };
    let shown = |field: String| field.trim_start_matches("payload.").to_owned();
    let details: Vec<_> = problems
        .into_iter()
        .map(|problem| ErrorDetail::new(shown(problem.field), problem.message))
        .collect();
    let names: Vec<&str> = details.iter().map(|detail| detail.field.as_str()).collect();
    let message = format!("The rendered message cannot be sent: {}", names.join(", "));
    Err(ApiError::bad_request("template_error", message, details))
}

/// The validated body.
#[derive(Debug)]
pub(super) struct PreviewRequest {
    pub(super) channel: Channel,
    pub(super) locale: Option<Locale>,
    pub(super) version: Option<i32>,
    pub(super) variables: Object,
}

impl PreviewRequest {
    fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let known = ["channel", "locale", "version", "variables"];
        let mut body = ObjectReader::parse(body, &known, "preview")?;
        let channel = body.required("channel", |value| {
            let text = values::nonblank(value)?;
            read_channel(&text).map_err(ToOwned::to_owned)
        });
        let locale = body.optional("locale", values::parsed);
        let version = body.optional("version", version);
        let variables = body.required("variables", values::object);
        let request = channel.zip(variables).map(|(channel, variables)| Self {
            channel,
            locale,
            version,
            variables,
        });
        body.finish(request)
    }

    /// Finds the template.
    pub(super) async fn find(
        &self,
        client: &impl tidings_db::GenericClient,
        name: &TemplateName,
    ) -> Result<Option<TemplateRow>, tidings_db::DbError> {
        if self.version.is_none() {
            let wanted = self.locale.as_ref().map(Locale::as_str);
            return templates::resolve(client, name.as_str(), self.channel, wanted).await;
        }
        let fallback = Locale::fallback();
        let key = TemplateKey {
            name,
            channel: self.channel,
            locale: self.locale.as_ref().unwrap_or(&fallback),
        };
        templates::find(client, key, self.version).await
    }
}

fn version(value: &RawValue) -> Result<i32, String> {
    let number: Option<i32> = serde_json::from_str(value.get()).ok();
    let number = number.filter(|number| *number > 0);
    number.ok_or_else(|| "must be a whole number from 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read() {
        let request = PreviewRequest::parse(
            br#"{"channel": "sms", "locale": "de_at", "version": 3, "variables": {"a": 1}}"#,
        );
        let request = request.expect("valid");
        assert_eq!(request.channel, Channel::Sms);
        assert_eq!(request.locale.as_ref().map(Locale::as_str), Some("de-AT"));
        assert_eq!((request.version, request.variables.len()), (Some(3), 1));
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let body =
            br#"{"channel": "webhook", "locale": "x", "version": 0, "variables": [], "to": 1}"#;
        let error = PreviewRequest::parse(body).expect_err("wrong");
        let fields: Vec<_> = error.details.iter().map(|d| d.field.as_str()).collect();
        assert_eq!(fields, ["channel", "locale", "version", "variables", "to"]);
    }
}
