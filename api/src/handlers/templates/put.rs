//! `PUT /api/templates/{name}/{channel}/{locale}`.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::{TransactionOptions, templates};
use tidings_domain::access::Scope;
use tidings_domain::notification::Channel;
use tidings_templates::TemplateSource;
use utoipa::ToSchema;

use super::{TemplatePath, TemplateVersion};
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The parts of a template.
#[derive(ToSchema)]
#[schema(as = NewTemplate)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewTemplateBody {
    /// An e-mail's subject or a push message's title. Not allowed for sms.
    #[schema(example = "Your order {{ order.number }} is on its way")]
    subject: Option<String>,
    /// The text.
    #[schema(example = "Hello {{ name }}, your order {{ order.number }} has left our house.")]
    text: String,
    /// An e-mail's HTML part. Allowed for email only. Variables are escaped.
    #[schema(
        example = "<p>Hello {{ name }}, your order {{ order.number }} has left our house.</p>"
    )]
    html: Option<String>,
    /// Whether all notifications with this template are sensitive: their variables are never shown, and are erased once
    /// they have been sent. It counts if the current version of any language says so.
    #[schema(default = false)]
    sensitive: Option<bool>,
}

/// Creates a new version of a template.
#[utoipa::path(put, path = "/api/templates/{name}/{channel}/{locale}", operation_id = "putTemplate", tag = "templates",
    params(
        ("name" = String, Path, description = "1 to 100 of a-z, 0-9, -, _ and .; for digests after `digest%2F`"),
        ("channel" = String, Path, description = "email, sms or push"),
        ("locale" = String, Path, description = "A language such as de, de-AT or zh-Hant, or default"),
    ),
    request_body = NewTemplateBody,
    responses(
        (status = 201, description = "The new version", body = TemplateVersion),
        (status = 400, description = "`details` lists everything that is wrong; `invalid_template` if a part is not a valid template", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this; or `account_template`: only the scope `admin` may write templates whose names begin with `account-`", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    origin: Origin,
    path: Path<(String, String, String)>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::TemplatesWrite)?;
    let template_path = TemplatePath::parse(&path)?;
    template_path.check_write(&caller)?;
    let body = read_json(&request, payload, &state).await?;
    let parts = TemplateParts::parse(template_path.channel, &body)?;
    // Compiling a large template would delay the other requests of this thread.
    let parts = actix_web::web::block(move || parts.check())
        .await
        .map_err(ApiError::internal)??;
    let version = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let (key, source) = (template_path.key(), parts.source());
            let version =
                templates::insert_version(transaction, key, source, parts.sensitive).await?;
            let entry = origin
                .0
                .entry(Action::TemplatePut)
                .on(TargetKind::Template, template_path.audit_target())
                .with("version", version.version);
            audit::record(transaction, &entry).await?;
            Ok(version)
        })
        .await?;
    tracing::info!(
        template = %template_path.name,
        channel = template_path.channel.as_str(),
        locale = %template_path.locale,
        version = version.version,
        subject = caller.subject(),
        "template written"
    );
    Ok(HttpResponse::Created().json(TemplateVersion::from(version)))
}

/// The parts of a template, validated for its channel.
#[derive(Debug)]
struct TemplateParts {
    subject: Option<String>,
    text: String,
    html: Option<String>,
    sensitive: bool,
}

impl TemplateParts {
    fn parse(channel: Channel, body: &[u8]) -> Result<Self, ApiError> {
        let mut body =
            ObjectReader::parse(body, &["subject", "text", "html", "sensitive"], "template")?;
        let sensitive = body.optional("sensitive", values::boolean);
        let subject = if channel == Channel::Sms {
            body.reject("subject", "a text message has no subject");
            None
        } else {
            body.required("subject", values::nonblank)
        };
        let text = body.required("text", values::nonblank);
        let html = if channel == Channel::Email {
            let html = body.optional("html", values::string);
            html.filter(|html| !html.trim().is_empty())
        } else {
            body.reject("html", "only an e-mail has an HTML part");
            None
        };
        let parts = text.map(|text| Self {
            subject,
            text,
            html,
            sensitive: sensitive.unwrap_or(false),
        });
        body.finish(parts)
    }

    fn source(&self) -> TemplateSource<'_> {
        TemplateSource {
            subject: self.subject.as_deref(),
            text: &self.text,
            html: self.html.as_deref(),
        }
    }

    /// Returns 400 if a part is not a valid template.
    fn check(self) -> Result<Self, ApiError> {
        tidings_templates::check(self.source()).map_err(|error| {
            let line = error
                .line
                .map_or(String::new(), |line| format!("line {line}: "));
            let detail = ErrorDetail::new(error.part.as_str(), format!("{line}{}", error.problem));
            let message = format!("The template is not valid: {error}");
            ApiError::bad_request("invalid_template", message, vec![detail])
        })?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(channel: Channel, body: &str) -> Vec<String> {
        match TemplateParts::parse(channel, body.as_bytes()) {
            Ok(_) => Vec::new(),
            Err(error) => error.details.into_iter().map(|d| d.field).collect(),
        }
    }

    #[test]
    fn each_channel_has_its_own_parts() {
        let all = r#"{"subject": "s", "text": "t", "html": "h"}"#;
        let two = r#"{"subject": "s", "text": "t"}"#;
        let text = r#"{"text": "t"}"#;
        for (channel, body, wrong) in [
            (Channel::Email, all, vec![]),
            (Channel::Email, two, vec![]),
            (Channel::Email, text, vec!["subject"]),
            (Channel::Push, all, vec!["html"]),
            (Channel::Push, two, vec![]),
            (Channel::Push, text, vec!["subject"]),
            (Channel::Sms, all, vec!["subject", "html"]),
            (Channel::Sms, text, vec![]),
            (Channel::Sms, "{}", vec!["text"]),
        ] {
            assert_eq!(fields(channel, body), wrong, "{channel} {body}");
        }
    }

    #[test]
    fn an_invalid_template_is_rejected_with_part_and_line() {
        let body = br#"{"subject": "s", "text": "a\nb {{ c", "html": "h"}"#;
        let parts = TemplateParts::parse(Channel::Email, body).expect("all parts");
        let error = parts.check().expect_err("invalid");
        assert_eq!(
            (error.code, error.details[0].field.as_str()),
            ("invalid_template", "text")
        );
        assert!(error.details[0].message.starts_with("line 2: "), "{error}");
    }
}
