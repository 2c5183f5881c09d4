use super::group;
use crate::Setting;

group! {
    "Control"
    /// How often a program reads what operators have set for all programs, such as the channels that are stopped. While
    /// PostgreSQL is away, what is known stays in force. API keys are read at least once a second.
    CONTROL_POLL_MS: [Api Worker] = Setting::number(100, 60_000).default("2000").unit("ms");
}
