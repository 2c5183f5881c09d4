use super::group;
use crate::{Condition, Setting, SettingKind};

group! {
    "Accounts"
    /// Whether users can have passwords, log in and hold tokens of their own: `on` or `off`. See docs/ACCOUNTS.md.
    ACCOUNTS: [Api] = Setting::choice(&["on", "off"]).default("off");
    /// The secret from which the keys of user tokens derive, at least 32 bytes. All API processes need the same. Another
    /// secret ends all sessions.
    ACCOUNTS_SECRET: [Api] = Setting::of(SettingKind::Secret)
        .required_if(Condition::HasValue("ACCOUNTS", &["on"]))
        .example("the output of `openssl rand -hex 32`");
    /// Who may create an account: nobody (`off`), the holders of an invitation (`invite`) or everybody (`open`).
    REGISTRATION: [Api] = Setting::choice(&["off", "invite", "open"])
        .described("`open` in development, `off` in production");
    /// How long an access token of a user is valid.
    ACCESS_TOKEN_SECS: [Api] = Setting::number(60, 1140).default("900").unit("s");
    /// For how long a refresh token that was used may be used again, with the same result. For two tabs of a browser, and
    /// for clients that have lost the response.
    REFRESH_GRACE_SECS: [Api] = Setting::number(0, 600).default("60").unit("s");
    /// After how long without a refresh a session ends.
    REFRESH_IDLE_SECS: [Api] = Setting::number(60, 31_536_000).default("604800").unit("s");
    /// How long a session can last at most.
    SESSION_MAX_SECS: [Api] = Setting::number(60, 157_680_000).default("7776000").unit("s");
    /// The memory that the hash of a password takes (Argon2id).
    ARGON2_MEMORY_KIB: [Api] = Setting::number(64, 131_072).default("19456").unit("KiB");
    /// The number of passes over that memory.
    ARGON2_ITERATIONS: [Api] = Setting::number(1, 16).default("2");
    /// How many passwords the API hashes at once. At most 64 others wait, for 2 s at most.
    ARGON2_CONCURRENCY: [Api] = Setting::number(1, 256).described("the number of cores");
    /// Of which logins users are told: those from a device that they have not used in 90 days, all or none.
    LOGIN_NOTIFICATIONS: [Api] = Setting::choice(&["new-device", "always", "off"]).default("new-device");
    /// The proxies whose `X-Forwarded-For` is believed, as addresses or networks separated by commas. Without this setting,
    /// the address of a client is that of its connection.
    TRUSTED_PROXIES: [Api] = Setting::of(SettingKind::List).example("10.0.0.0/8,192.0.2.7");
}
