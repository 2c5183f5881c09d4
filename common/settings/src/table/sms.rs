use super::group;
use crate::{Condition, Setting, SettingKind};

const TWILIO: Condition = Condition::HasValue("SMS_PROVIDER", &["twilio"]);

group! {
    /// `SMS_PROVIDER=twilio` sends through Twilio.
    "Text messages"
    /// The SID of the account, as Twilio's console shows it.
    TWILIO_ACCOUNT_SID: [Worker] = Setting::of(SettingKind::Text).required_if(TWILIO)
        .example("AC and 32 hexadecimal digits, as Twilio's console shows it");
    /// The token that Twilio's console shows beside the SID.
    TWILIO_AUTH_TOKEN: [Worker] = Setting::of(SettingKind::Secret).required_if(TWILIO)
        .example("the 32 hexadecimal digits that Twilio's console shows beside the account SID");
    /// The sender: a number, a short code or an alphanumeric sender of the account, or a messaging service (`MG…`).
    /// Twilio decides which of them may send to a recipient.
    TWILIO_FROM_NUMBER: [Worker] = Setting::of(SettingKind::Text).required_if(TWILIO)
        .example("+4915112345678, or a messaging service: MG…");
    /// The URL of Twilio's API.
    TWILIO_BASE_URL: [Worker Tidings] = Setting::of(SettingKind::Url).default("https://api.twilio.com");
}
