use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::super::redact::error_text;
use super::super::{EmailMessage, SendOutcome, http, truncate};

/// The body of an error response.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SendgridErrorBody {
    errors: Vec<SendgridError>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SendgridError {
    message: Option<String>,
    field: Option<String>,
}

impl SendgridErrorBody {
    /// Returns an empty body if the response has another form.
    fn parse(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    fn text(&self) -> String {
        let text = |item: &SendgridError| {
            let message = item.message.as_deref()?;
            Some(match &item.field {
                Some(field) => format!("{message} ({field})"),
                None => message.to_owned(),
            })
        };
        let texts: Vec<_> = self.errors.iter().filter_map(text).collect();
        texts.join("; ")
    }

    /// Whether SendGrid refuses the sender.
    fn is_about_the_sender(&self) -> bool {
        let field = |item: &SendgridError| item.field.as_deref() == Some("from");
        self.errors.iter().any(field)
    }
}

/// The outcome of a response
/// (<https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses>).
pub(super) fn outcome(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    message: &EmailMessage,
    now: Timestamp,
) -> SendOutcome {
    if status.is_success() {
        let reference = headers.get("x-message-id").and_then(|id| id.to_str().ok());
        return SendOutcome::Delivered {
            reference: reference.map(truncate),
        };
    }
    let error_body = SendgridErrorBody::parse(body);
    let error = error_text(status, &error_body.text(), &[message.to.as_str()]);
    match status.as_u16() {
        429 => SendOutcome::Throttled {
            retry_after: http::retry_after(headers, now).or_else(|| rate_limit_reset(headers, now)),
            error,
        },
        // The account has not verified the sender. If the payload named the sender, only this e-mail is
        // affected; otherwise `SMTP_FROM` is wrong, and every e-mail would be refused.
        403 if error_body.is_about_the_sender() && message.email.from.is_some() => {
            SendOutcome::Rejected { error }
        }
        // 401 also means that the account has no credits left. 404 and 405 mean a wrong account or a wrong
        // `SENDGRID_BASE_URL`.
        401 | 403 | 404 | 405 => SendOutcome::CredentialsRefused { error },
        300..=399 | 408 | 500.. => SendOutcome::Failed { error },
        // 400 and 413: the content or an address is invalid.
        _ => SendOutcome::Rejected { error },
    }
}

/// Parses `X-RateLimit-Reset`, the start of the next period in seconds since 1970
/// (<https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/rate-limits>).
fn rate_limit_reset(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get("x-ratelimit-reset")?.to_str().ok()?;
    let at = Timestamp::from_second(text.trim().parse().ok()?).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}
