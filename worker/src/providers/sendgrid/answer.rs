use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::super::words::words;
use super::super::{EmailMessage, Report, clipped, http};

/// What SendGrid says about a request that it refuses.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    errors: Vec<Mistake>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Mistake {
    message: Option<String>,
    field: Option<String>,
}

impl Refusal {
    /// An answer in another form says no more than its status.
    fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    fn text(&self) -> String {
        let text = |mistake: &Mistake| {
            let message = mistake.message.as_deref()?;
            Some(match &mistake.field {
                Some(field) => format!("{message} ({field})"),
                None => message.to_owned(),
            })
        };
        let texts: Vec<_> = self.errors.iter().filter_map(text).collect();
        texts.join("; ")
    }

    /// Whether it is the sender that is refused.
    fn is_about_the_sender(&self) -> bool {
        let field = |mistake: &Mistake| mistake.field.as_deref() == Some("from");
        self.errors.iter().any(field)
    }
}

/// What follows from an answer
/// (<https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses>).
pub(super) fn report(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    message: &EmailMessage,
    now: Timestamp,
) -> Report {
    if status.is_success() {
        let reference = headers.get("x-message-id").and_then(|id| id.to_str().ok());
        return Report::Delivered {
            reference: reference.map(clipped),
        };
    }
    let refusal = Refusal::read(body);
    let error = words(status, &refusal.text(), &[message.to.as_str()]);
    match status.as_u16() {
        429 => Report::SlowDown {
            retry_after: http::retry_after(headers, now).or_else(|| reset(headers, now)),
            error,
        },
        // A sender that the account has not verified. When the e-mail itself named it, no other e-mail
        // need suffer for it; otherwise `SMTP_FROM` is wrong, and every e-mail would be refused.
        403 if refusal.is_about_the_sender() && message.email.from.is_some() => {
            Report::Rejected { error }
        }
        // 401 also says that the account's credits are used up. 404 and 405 are the wrong account or the
        // wrong `SENDGRID_BASE_URL`.
        401 | 403 | 404 | 405 => Report::CredentialsRefused { error },
        300..=399 | 408 | 500.. => Report::Failed { error },
        // 400 and 413: the content or an address is wrong.
        _ => Report::Rejected { error },
    }
}

/// `X-RateLimit-Reset`: when the next period begins, in seconds since 1970
/// (<https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/rate-limits>).
fn reset(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get("x-ratelimit-reset")?.to_str().ok()?;
    let at = Timestamp::from_second(text.trim().parse().ok()?).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}
