use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use tidings_domain::content::DeviceToken;

use super::super::redact::error_text;
use super::super::{SendOutcome, http, truncate};

/// The pause after a 429 without `Retry-After`, as FCM asks for
/// (<https://firebase.google.com/docs/cloud-messaging/scale-fcm>).
const DEFAULT_PAUSE: Duration = Duration::from_mins(1);

/// The result of one request.
pub(super) struct SendResponse {
    pub(super) outcome: SendOutcome,
    /// Whether FCM refused the access token.
    pub(super) token_refused: bool,
}

/// The body of a success response.
#[derive(Deserialize)]
struct SentMessage {
    name: String,
}

/// The body of an error response: a `google.rpc.Status`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct FcmErrorBody {
    error: RpcError,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RpcError {
    message: String,
    status: String,
    details: Vec<RpcErrorDetail>,
}

/// One of several types; only `google.firebase.fcm.v1.FcmError` has an `errorCode`, only
/// `google.rpc.QuotaFailure` `violations`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RpcErrorDetail {
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
    /// Returns an empty error if the response has another form.
    fn parse(body: &[u8]) -> Self {
        let body: FcmErrorBody = serde_json::from_slice(body).unwrap_or_default();
        body.error
    }

    /// FCM's error code, which is more specific than `status`.
    fn code(&self) -> Option<&str> {
        let mut codes = self.details.iter();
        codes.find_map(|detail| detail.error_code.as_deref())
    }

    /// Whether the exceeded quota belongs to one device. FCM has quotas by project, by device and by topic, all
    /// with the same code; a `QuotaFailure` says which
    /// (<https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode>). Its text is not documented, so a
    /// text that mentions a device is enough, unless the same text also mentions the project, whose name may
    /// contain the word. The subject may be the project whatever the quota.
    fn is_device_quota(&self) -> bool {
        let mentions_device = |text: &str| {
            let text = text.to_lowercase();
            text.contains("device") && !text.contains("project")
        };
        let mut violations = self.details.iter().flat_map(|detail| &detail.violations);
        self.code().is_some_and(mentions_device)
            || mentions_device(&self.message)
            || violations
                .any(|one| mentions_device(&one.subject) || mentions_device(&one.description))
    }

    fn text(&self) -> String {
        let code = self.code().unwrap_or(&self.status);
        format!("{code} {}", self.message)
    }
}

impl SendResponse {
    pub(super) const fn from_outcome(outcome: SendOutcome) -> Self {
        Self {
            outcome,
            token_refused: false,
        }
    }

    /// Parses FCM's response (<https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode>).
    pub(super) fn parse(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        to: &DeviceToken,
        now: Timestamp,
    ) -> Self {
        if status.is_success() {
            let sent: Option<SentMessage> = serde_json::from_slice(body).ok();
            return Self::from_outcome(SendOutcome::Delivered {
                reference: sent.map(|sent| truncate(&sent.name)),
            });
        }
        let error_body = RpcError::parse(body);
        let error = error_text(status, &error_body.text(), &[to.as_str()]);
        let retry_after = http::retry_after(headers, now);
        let outcome = match (error_body.code(), status.as_u16()) {
            (Some("UNREGISTERED"), _) => SendOutcome::AddressGone { error },
            // The device token belongs to the app of another sender.
            (Some("SENDER_ID_MISMATCH" | "INVALID_ARGUMENT"), _) => SendOutcome::Rejected { error },
            // The Firebase project has no APNs key or web push key. Only its iOS or web devices are affected;
            // closing the channel would also stop Android.
            (Some("THIRD_PARTY_AUTH_ERROR"), _) => SendOutcome::RefusedForNow { error },
            // A pause would stop all devices because of one.
            (Some("QUOTA_EXCEEDED"), _) | (_, 429) if error_body.is_device_quota() => {
                SendOutcome::RefusedForNow { error }
            }
            (Some("QUOTA_EXCEEDED"), _) | (_, 429) => SendOutcome::Throttled {
                retry_after: retry_after.or(Some(DEFAULT_PAUSE)),
                error,
            },
            (_, 503) if retry_after.is_some() => SendOutcome::Throttled { retry_after, error },
            // A refused token, an account without permission, or an unknown project. A 404 without UNREGISTERED
            // does not concern the device.
            (_, 401 | 403 | 404 | 405) => SendOutcome::CredentialsRefused { error },
            (_, 300..=399 | 408 | 500..) => SendOutcome::Failed { error },
            _ => SendOutcome::Rejected { error },
        };
        Self {
            outcome,
            token_refused: status == StatusCode::UNAUTHORIZED
                && error_body.code() != Some("THIRD_PARTY_AUTH_ERROR"),
        }
    }
}
