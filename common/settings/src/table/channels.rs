use super::group;
use crate::{Setting, SettingKind};

group! {
    /// A channel without a provider is off: POST of its type answers 400. `sandbox` writes each message to a
    /// folder instead of sending it; production refuses `sandbox`.
    "Channels"
    /// The provider of the channel `email`: `smtp`, `sendgrid` or `sandbox`.
    EMAIL_PROVIDER: [Api Worker Tidings] = Setting::of(SettingKind::Text).described("the channel is off").example("smtp");
    /// The provider of the channel `sms`: `twilio` or `sandbox`.
    SMS_PROVIDER: [Api Worker Tidings] = Setting::of(SettingKind::Text).described("the channel is off").example("twilio");
    /// The provider of the channel `push`: `fcm` or `sandbox`.
    PUSH_PROVIDER: [Api Worker Tidings] = Setting::of(SettingKind::Text).described("the channel is off").example("fcm");
    /// The provider of the channel `webhook`: `http` or `sandbox`.
    WEBHOOK_PROVIDER: [Api Worker Tidings] = Setting::of(SettingKind::Text).described("the channel is off").example("http");
    /// The folder of the provider `sandbox`.
    SANDBOX_DIR: [Worker] = Setting::of(SettingKind::Path)
        .described("tidings-sandbox in the system's folder for temporary files");
}
