use super::group;
use crate::{Condition, Setting, SettingKind};

group! {
    "Tokens"
    /// The algorithms that the API accepts, separated by commas: `HS256`, `HS384`, `HS512`, `RS256`, `RS384`,
    /// `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384` and `EdDSA`.
    JWT_ALGORITHM: [Api Tidings] = Setting::of(SettingKind::List).default("HS256");
    /// The secret that the API shares with the services that sign tokens, for the algorithms `HS…`.
    JWT_SECRET: [Api Worker Tidings] = Setting::of(SettingKind::Secret)
        .required_if(Condition::HasItem("JWT_ALGORITHM", &["HS"]))
        .example("the output of `openssl rand -hex 32`");
    /// The file with the issuer's public key in PEM, for the other algorithms.
    JWT_PUBLIC_KEY_FILE: [Api] = Setting::of(SettingKind::Path)
        .required_if(Condition::HasItem("JWT_ALGORITHM", &["RS", "PS", "ES", "EdDSA"]))
        .example("/etc/tidings/issuer.pem");
    /// The issuer that a token must name as `iss`. Without this setting, any issuer is valid.
    JWT_ISSUER: [Api] = Setting::of(SettingKind::Text).example("https://login.example.com");
    /// The audience that a token must name in `aud`. Without this setting, any audience is valid.
    JWT_AUDIENCE: [Api] = Setting::of(SettingKind::Text).example("tidings");
    /// Whether a token that is signed with `JWT_SECRET` and has no claim `scope` may do everything. Without trust, it
    /// may do nothing: a service states its rights, for example `"scope": "admin"`.
    JWT_TRUST_UNSCOPED: [Api] = Setting::of(SettingKind::Flag)
        .described("`true` in development, `false` in production");
    /// How far the clock of an issuer may differ.
    JWT_LEEWAY_SECS: [Api] = Setting::number(0, 300).default("5").unit("s");
}
