use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use tidings_domain::content::DeviceToken;

use super::super::words::words;
use super::super::{Report, clipped, http};

/// How long FCM asks to wait after a 429 without `Retry-After`
/// (<https://firebase.google.com/docs/cloud-messaging/scale-fcm>).
const PATIENCE: Duration = Duration::from_mins(1);

/// What came of one request.
pub(super) struct Answer {
    pub(super) report: Report,
    /// Whether it is the access token that was refused.
    pub(super) token_refused: bool,
}

/// A message that FCM has taken.
#[derive(Deserialize)]
struct Taken {
    name: String,
}

/// A `google.rpc.Status`, as JSON.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: RpcError,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RpcError {
    message: String,
    status: String,
    details: Vec<Detail>,
}

/// One of several types; only `google.firebase.fcm.v1.FcmError` has an `errorCode`, only
/// `google.rpc.QuotaFailure` `violations`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    #[serde(rename = "errorCode")]
    error_code: Option<String>,
    violations: Vec<QuotaViolation>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct QuotaViolation {
    subject: String,
    description: String,
}

impl RpcError {
    /// An answer in another form says no more than its status.
    fn read(body: &[u8]) -> Self {
        let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
        refusal.error
    }

    /// FCM's own code, which is finer than `status`.
    fn code(&self) -> Option<&str> {
        let mut codes = self.details.iter();
        codes.find_map(|detail| detail.error_code.as_deref())
    }

    /// Whether the quota that was exceeded is one device's. FCM has one for the project, one for a device
    /// and one for a topic, all with the same code; a `QuotaFailure` says which
    /// (<https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode>). In which words is not
    /// documented, so that they need only speak of a device. Where they speak of the project too, a
    /// device may be no more than part of its name.
    fn is_of_one_device(&self) -> bool {
        let of_device = |said: &str| {
            let said = said.to_lowercase();
            said.contains("device") && !said.contains("project")
        };
        let mut violations = self.details.iter().flat_map(|detail| &detail.violations);
        of_device(&self.message)
            || violations.any(|one| of_device(&format!("{} {}", one.subject, one.description)))
    }

    fn text(&self) -> String {
        let code = self.code().unwrap_or(&self.status);
        format!("{code} {}", self.message)
    }
}

impl Answer {
    pub(super) const fn of(report: Report) -> Self {
        Self {
            report,
            token_refused: false,
        }
    }

    /// Reads FCM's answer (<https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode>).
    pub(super) fn read(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        to: &DeviceToken,
        now: Timestamp,
    ) -> Self {
        if status.is_success() {
            let taken: Option<Taken> = serde_json::from_slice(body).ok();
            return Self::of(Report::Delivered {
                reference: taken.map(|taken| clipped(&taken.name)),
            });
        }
        let refusal = RpcError::read(body);
        let error = words(status, &refusal.text(), &[to.as_str()]);
        let retry_after = http::retry_after(headers, now);
        let report = match (refusal.code(), status.as_u16()) {
            (Some("UNREGISTERED"), _) => Report::Gone { error },
            // The token belongs to another sender's app: no credentials of ours help.
            (Some("SENDER_ID_MISMATCH" | "INVALID_ARGUMENT"), _) => Report::Rejected { error },
            // The APNs key or web push key that the Firebase project lacks. It stops the project's iOS or
            // web devices alone: to stop everything until it is there would stop Android too.
            (Some("THIRD_PARTY_AUTH_ERROR"), _) => Report::NotNow { error },
            // A pause would hold up all devices for one.
            (Some("QUOTA_EXCEEDED"), _) if refusal.is_of_one_device() => Report::NotNow { error },
            (Some("QUOTA_EXCEEDED"), _) | (_, 429) => Report::SlowDown {
                retry_after: retry_after.or(Some(PATIENCE)),
                error,
            },
            (_, 503) if retry_after.is_some() => Report::SlowDown { retry_after, error },
            // A token that was refused, an account that may not send, no such project. A 404 without
            // UNREGISTERED says nothing of the device.
            (_, 401 | 403 | 404 | 405) => Report::CredentialsRefused { error },
            (_, 300..=399 | 408 | 500..) => Report::Failed { error },
            _ => Report::Rejected { error },
        };
        Self {
            report,
            token_refused: status == StatusCode::UNAUTHORIZED
                && refusal.code() != Some("THIRD_PARTY_AUTH_ERROR"),
        }
    }
}
