use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use tidings_domain::content::PhoneNumber;

use super::super::words::words;
use super::super::{Report, clipped, http};

/// A message that Twilio has taken.
#[derive(Deserialize)]
struct Created {
    sid: String,
}

/// What Twilio says about a request that it refuses
/// (<https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions>).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    code: Option<u32>,
    message: String,
    more_info: Option<String>,
}

impl Refusal {
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

/// Whose trouble a refused request is.
enum Trouble {
    /// The account's or the sender's: every message would be refused.
    Account,
    /// The sender has been asked for more than it can send for now.
    Haste,
    /// Twilio's own, and it passes.
    Twilio,
    /// Of this message alone.
    Message,
}

/// Twilio answers 400 for mistakes of the message and of the account alike, so its own codes decide
/// (<https://www.twilio.com/docs/api/errors>). It changes them now and then: the list holds only those
/// whose every documented cause lies with the account, and what is not known is the message's. A mistake
/// in that direction costs a dead letter that can be replayed; a mistake in the other would
/// stop all text messages for the sake of one.
///
/// So these are the message's although a setting of the account is involved: 21408 (no permission for that
/// region), 21608 (a trial account and an unverified number), 21612 (no route from this sender to that
/// number), 21703 (no number of the service fits), for other numbers can be reached all the while.
const fn trouble(code: u32) -> Trouble {
    match code {
        // The account is suspended, out of funds, or its credentials are wrong.
        10001 | 20003 | 20005 | 20006 | 20008 | 20403 | 20404 | 30002 | 70051 | 90010
        // `TWILIO_FROM_NUMBER` is not a number, not the account's or cannot send text messages. 21606 and
        // 21659 may speak of the destination's country too, but only for short codes, which we do not
        // send from.
        | 21212 | 21601 | 21603 | 21606 | 21659 | 21660 | 21661
        // The messaging service does not exist or has no numbers.
        | 21701 | 21704 | 21705 => Trouble::Account,
        // Concurrent requests; ten hours' worth of messages wait for this sender; the day's limit.
        20429 | 21611 | 30001 | 63038 => Trouble::Haste,
        // Maintenance.
        21730 => Trouble::Twilio,
        _ => Trouble::Message,
    }
}

/// What follows from an answer.
pub(super) fn report(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    to: &PhoneNumber,
    now: Timestamp,
) -> Report {
    if status.is_success() {
        let created: Option<Created> = serde_json::from_slice(body).ok();
        return Report::Delivered {
            reference: created.map(|created| clipped(&created.sid)),
        };
    }
    // An answer in another form says no more than its status.
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let (number, digits) = (to.as_str(), to.as_str().trim_start_matches('+'));
    let error = words(status, &refusal.text(), &[number, digits]);
    let slow_down = |error| Report::SlowDown {
        retry_after: http::retry_after(headers, now),
        error,
    };
    match (status.as_u16(), refusal.code.map(trouble)) {
        (429, _) => slow_down(error),
        (300..=399 | 408 | 500.., _) => Report::Failed { error },
        (401, _) | (_, Some(Trouble::Account)) => Report::CredentialsRefused { error },
        (_, Some(Trouble::Haste)) => slow_down(error),
        (_, Some(Trouble::Twilio)) => Report::Failed { error },
        // Without a code that says otherwise: a key without permission, no such account, or the wrong
        // `TWILIO_BASE_URL`. 403 comes with codes about the number too.
        (403, None) | (404 | 405, _) => Report::CredentialsRefused { error },
        (_, Some(Trouble::Message) | None) => Report::Rejected { error },
    }
}
