use super::group;
use crate::{Setting, SettingKind};

group! {
    "Limits"
    /// How many requests a minute each caller may send, to all processes of the API together: each subject of a token, and
    /// each API key without a limit of its own. A tenth of it may come at once. 0 is no limit, for users neither.
    /// [LIMITS.md](LIMITS.md) says what clients see.
    RATE_LIMIT_PER_CALLER: [Api] = Setting::number(0, 10_000_000).default("0").unit("requests per minute");
    /// The limit of each user, in place of `RATE_LIMIT_PER_CALLER`: of callers whose token allows sending to themselves
    /// only. Has no effect while `RATE_LIMIT_PER_CALLER` is 0. 0 is no limit.
    RATE_LIMIT_PER_USER_TOKEN: [Api] = Setting::number(0, 10_000_000).default("120").unit("requests per minute");
    /// How many notifications each user gets by a channel, at most: `<channel>=<number>/<window>`, separated by commas, once
    /// for each of `email`, `sms`, `push` and `webhook`. The window is `minute`, `hour` or `day`, and ends now: a day is the
    /// last 24 hours. What exceeds the limit is not sent. [LIMITS.md](LIMITS.md) says what is counted.
    USER_LIMITS: [Worker Tidings] = Setting::of(SettingKind::List).described("no limits").example("sms=20/day,email=100/day,push=200/day");
}
