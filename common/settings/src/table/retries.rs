use super::group;
use crate::Setting;

group! {
    "Retries"
    /// How often the worker retries a failed message of the intake queue. With the default delays, the retries
    /// follow after 1 s, 5 s and 25 s. A message that has used up its retries is a dead letter.
    MAX_RETRIES: [Api Worker Tidings] = Setting::number(0, 50).default("3").unit("retries");
    /// How often the worker retries an email.
    EMAIL_MAX_RETRIES: [Api Worker Tidings] = Setting::number(0, 50).described("the value of MAX_RETRIES").unit("retries");
    /// How often the worker retries a text message.
    SMS_MAX_RETRIES: [Api Worker Tidings] = Setting::number(0, 50).described("the value of MAX_RETRIES").unit("retries");
    /// How often the worker retries a push message.
    PUSH_MAX_RETRIES: [Api Worker Tidings] = Setting::number(0, 50).described("the value of MAX_RETRIES").unit("retries");
    /// How often the worker retries a webhook.
    WEBHOOK_MAX_RETRIES: [Api Worker Tidings] = Setting::number(0, 50).default("8").unit("retries");
    /// The delay before the first retry.
    RETRY_BASE_DELAY_MS: [Api Worker Tidings] = Setting::number(1, 86_400_000).default("1000").unit("ms");
    /// The factor by which the delay grows with each retry.
    RETRY_MULTIPLIER: [Api Worker Tidings] = Setting::number(1, 1000).default("5");
    /// The longest delay between two attempts.
    RETRY_MAX_DELAY_MS: [Api Worker Tidings] = Setting::number(1, 604_800_000).default("3600000").unit("ms");
}
