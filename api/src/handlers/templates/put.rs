//! `PUT /api/templates/{name}/{channel}/{locale}`.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::templates;
use tidings_domain::notification::Channel;
use tidings_templates::Source;
use utoipa::ToSchema;

use super::{Address, TemplateVersion};
use crate::auth::Caller;
use crate::error::{ApiError, Detail};
use crate::json_body::{ObjectReader, values};
use crate::receive::receive;
use crate::state::AppState;

/// What a template says.
#[derive(ToSchema)]
#[schema(as = NewTemplate)]
#[expect(
    dead_code,
    reason = "its fields are the documentation of what `Sources` parses"
)]
pub struct NewTemplateBody {
    /// An e-mail's subject or a push message's title; not for sms.
    #[schema(example = "Your order {{ order.number }} is on its way")]
    subject: Option<String>,
    /// The text.
    #[schema(example = "Hello {{ name }}, your order {{ order.number }} has left our house.")]
    text: String,
    /// An e-mail's HTML part; for email alone. Variables are escaped.
    #[schema(
        example = "<p>Hello {{ name }}, your order {{ order.number }} has left our house.</p>"
    )]
    html: Option<String>,
}

/// Writes a new version of a template.
#[utoipa::path(put, path = "/api/templates/{name}/{channel}/{locale}", operation_id = "putTemplate", tag = "templates",
    params(
        ("name" = String, Path, description = "1 to 100 of a-z, 0-9, -, _ and ."),
        ("channel" = String, Path, description = "email, sms or push"),
        ("locale" = String, Path, description = "A language such as de, de-AT or zh-Hant, or default"),
    ),
    request_body = NewTemplateBody,
    responses(
        (status = 201, description = "The new version", body = TemplateVersion),
        (status = 400, description = "What is wrong stands in `details`, all of it; `invalid_template` where a part is no template", body = crate::error::ErrorBody),
        (status = 401, description = "No valid token", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is away", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    path: Path<(String, String, String)>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.check_templates()?;
    let address = Address::parse(&path)?;
    let body = receive(&request, payload, &state).await?;
    let sources = Sources::parse(address.channel, &body)?;
    // Compiling a large template would hold up this thread's other requests.
    let sources = actix_web::web::block(move || sources.check())
        .await
        .map_err(ApiError::internal)??;
    let version = state
        .database
        .run(async |client| {
            templates::insert_version(client, address.key(), sources.source()).await
        })
        .await?;
    tracing::info!(
        template = %address.name,
        channel = address.channel.as_str(),
        locale = %address.locale,
        version = version.version,
        subject = caller.subject(),
        "template written"
    );
    Ok(HttpResponse::Created().json(TemplateVersion::from(version)))
}

/// A template's parts, checked to be those of its channel.
#[derive(Debug)]
struct Sources {
    subject: Option<String>,
    text: String,
    html: Option<String>,
}

impl Sources {
    fn parse(channel: Channel, body: &[u8]) -> Result<Self, ApiError> {
        let mut body = ObjectReader::parse(body, &["subject", "text", "html"], "template")?;
        let subject = if channel == Channel::Sms {
            body.reject("subject", "a text message has no subject");
            None
        } else {
            body.required("subject", values::nonblank)
        };
        let text = body.required("text", values::nonblank);
        let html = if channel == Channel::Email {
            body.optional("html", values::string)
        } else {
            body.reject("html", "only an e-mail has an HTML part");
            None
        };
        let sources = text.map(|text| Self {
            subject,
            text,
            html,
        });
        body.finish(sources)
    }

    fn source(&self) -> Source<'_> {
        Source {
            subject: self.subject.as_deref(),
            text: &self.text,
            html: self.html.as_deref(),
        }
    }

    /// Refuses what is no template.
    fn check(self) -> Result<Self, ApiError> {
        tidings_templates::check(self.source()).map_err(|error| {
            let line = error
                .line
                .map_or(String::new(), |line| format!("line {line}: "));
            let detail = Detail::new(error.part.as_str(), format!("{line}{}", error.problem));
            let message = format!("This is no template: {error}");
            ApiError::bad_request("invalid_template", message, vec![detail])
        })?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(channel: Channel, body: &str) -> Vec<String> {
        match Sources::parse(channel, body.as_bytes()) {
            Ok(_) => Vec::new(),
            Err(error) => error.details.into_iter().map(|d| d.field).collect(),
        }
    }

    #[test]
    fn each_channel_has_parts_of_its_own() {
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
    fn what_is_no_template_is_refused_with_part_and_line() {
        let body = br#"{"subject": "s", "text": "a\nb {{ c", "html": "h"}"#;
        let sources = Sources::parse(Channel::Email, body).expect("all parts");
        let error = sources.check().expect_err("no template");
        assert_eq!(
            (error.code, error.details[0].field.as_str()),
            ("invalid_template", "text")
        );
        assert!(error.details[0].message.starts_with("line 2: "), "{error}");
    }
}
