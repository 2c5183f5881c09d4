use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use tidings_domain::content::PhoneNumber;

use super::super::redact::error_text;
use super::super::{SendOutcome, http, truncate};

/// The body of a success response.
#[derive(Deserialize)]
struct CreatedMessage {
    sid: String,
}

/// The body of an error response
/// (<https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions>).
#[derive(Default, Deserialize)]
#[serde(default)]
struct TwilioErrorBody {
    code: Option<u32>,
    message: String,
    more_info: Option<String>,
}

impl TwilioErrorBody {
    fn text(&self) -> String {
        let code = self.code.map(|code| format!("{code} "));
        let more = self.more_info.as_ref().map(|url| format!(" ({url})"));
        format!(
            "{}{}{}",
            code.unwrap_or_default(),
            self.message,
            more.unwrap_or_default()
        )
    }
}

/// What a refused request says about further requests.
enum TwilioErrorScope {
    /// The account or the sender: every message would be refused.
    Account,
    /// The rate: the sender cannot send more for now.
    Rate,
    /// A temporary failure of Twilio.
    Twilio,
    /// The recipient, who has answered STOP.
    Recipient,
    /// This message only.
    Message,
}

/// Twilio answers 400 both for mistakes of the message and of the account, so its error codes decide
/// (<https://www.twilio.com/docs/api/errors>). The codes change occasionally: this list contains only codes
/// whose every documented cause is the account, and an unknown code counts as the message's. An error in that
/// direction costs a dead letter that can be replayed; an error in the other direction would stop all text
/// messages.
///
/// These codes therefore count as the message's, although a setting of the account is involved: 21408 (no
/// permission for the region), 21608 (a trial account and an unverified number), 21612 (no route from this
/// sender to the number), 21703 (no matching number in the service). Other numbers can still be reached.
const fn error_scope(code: u32) -> TwilioErrorScope {
    match code {
        // The account is suspended, out of funds, or its credentials are wrong.
        10001 | 20003 | 20005 | 20006 | 20008 | 20403 | 20404 | 30002 | 70051 | 90010
        // `TWILIO_FROM_NUMBER` is not a number, does not belong to the account or cannot send text messages.
        // 21606 and 21659 may also concern the destination's country, but only for short codes, which
        // `TWILIO_FROM_NUMBER` does not allow.
        | 21212 | 21601 | 21603 | 21606 | 21659 | 21660 | 21661
        // The messaging service does not exist or has no numbers.
        | 21701 | 21704 | 21705 => TwilioErrorScope::Account,
        // Too many concurrent requests; too many queued messages for this sender; the daily limit.
        20429 | 21611 | 30001 | 63038 => TwilioErrorScope::Rate,
        // Maintenance.
        21730 => TwilioErrorScope::Twilio,
        21610 => TwilioErrorScope::Recipient,
        _ => TwilioErrorScope::Message,
    }
}

/// The outcome of a response.
pub(super) fn outcome(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    to: &PhoneNumber,
    now: Timestamp,
) -> SendOutcome {
    if status.is_success() {
        let created: Option<CreatedMessage> = serde_json::from_slice(body).ok();
        return SendOutcome::Delivered {
            reference: created.map(|created| truncate(&created.sid)),
        };
    }
    // If the body has another form, only the status counts.
    let error_body: TwilioErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let (number, digits) = (to.as_str(), to.as_str().trim_start_matches('+'));
    let error = error_text(status, &error_body.text(), &[number, digits]);
    let throttled = |error| SendOutcome::Throttled {
        retry_after: http::retry_after(headers, now),
        error,
    };
    match (status.as_u16(), error_body.code.map(error_scope)) {
        (429, _) => throttled(error),
        (300..=399 | 408 | 500.., _) => SendOutcome::Failed { error },
        (401, _) | (_, Some(TwilioErrorScope::Account)) => {
            SendOutcome::CredentialsRefused { error }
        }
        (_, Some(TwilioErrorScope::Rate)) => throttled(error),
        (_, Some(TwilioErrorScope::Twilio)) => SendOutcome::Failed { error },
        (_, Some(TwilioErrorScope::Recipient)) => SendOutcome::OptedOut { error },
        // Without an error code: a key without permission, an unknown account, or a wrong `TWILIO_BASE_URL`.
        // 403 also occurs with codes about the number.
        (403, None) | (404 | 405, _) => SendOutcome::CredentialsRefused { error },
        (_, Some(TwilioErrorScope::Message) | None) => SendOutcome::Rejected { error },
    }
}
