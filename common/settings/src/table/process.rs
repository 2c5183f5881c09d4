use super::group;
use crate::Setting;

group! {
    "Programs"
    /// The kind of installation. In development, tokens need no `exp` and a short secret is valid.
    APP_ENV: [Api Worker Tidings] = Setting::choice(&["production", "development"]).default("production");
    /// The kinds of servers on other machines that may get passwords and notifications without verified TLS in
    /// production: `broker`, `database`, `providers` (also the collector of spans), separated by commas. Otherwise the
    /// programs do not start with such a setting.
    ALLOW_PLAINTEXT: [Api Worker Tidings] = Setting::of(crate::SettingKind::List);
    /// The IP address on which the program listens: `0.0.0.0` for all interfaces, as a container needs.
    BIND_ADDRESS: [Api Worker] = Setting::of(crate::SettingKind::IpAddress).default("127.0.0.1");
    /// The lowest level that is logged: `error`, `warn`, `info`, `debug`, `trace` or `off`, or
    /// directives such as `info,tidings_worker=debug`.
    LOG_LEVEL: [Api Worker Tidings] = Setting::of(crate::SettingKind::Text).default("info");
    /// The format of log lines: one JSON object a line, or text for people.
    LOG_FORMAT: [Api Worker Tidings] = Setting::choice(&["json", "pretty"]).default("json");
    /// How long a program may take to finish its work after the first SIGTERM or SIGINT. For a worker that
    /// delivers, at least 5 more than `PROVIDER_TIMEOUT_SECS`.
    SHUTDOWN_TIMEOUT_SECS: [Api Worker Tidings] = Setting::number(1, 3600).default("30").unit("s");
}
