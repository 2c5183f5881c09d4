use super::group;
use crate::{Condition, Setting, SettingKind};

group! {
    /// `PUSH_PROVIDER=fcm` sends through Firebase Cloud Messaging, HTTP v1.
    "Push messages"
    /// The JSON key file of a service account that may send messages, from the Firebase console (project
    /// settings, service accounts). Access tokens come from the `token_uri` in the file.
    FCM_SERVICE_ACCOUNT_FILE: [Worker] = Setting::of(SettingKind::Path)
        .required_if(Condition::HasValue("PUSH_PROVIDER", &["fcm"]))
        .example("/etc/tidings/firebase-service-account.json");
    /// The URL of FCM's API.
    FCM_BASE_URL: [Worker Tidings] = Setting::of(SettingKind::Url).default("https://fcm.googleapis.com");
}
