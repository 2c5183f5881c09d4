use super::group;
use crate::{Setting, SettingKind};

group! {
    "Secrets in the database"
    /// The keys that encrypt the signing secrets of webhook endpoints in the table (AES-256-GCM), each a name, a colon and
    /// 32 random bytes in base64: for example the output of `echo 1:$(openssl rand -base64 32)`. The first key encrypts,
    /// all of them decrypt: to replace a key, list the new one first, separated by a comma, a blank or a line end, and run
    /// `tidings secrets rotate`. Required in production as soon as there are webhook endpoints.
    SECRETS_KEY: [Api Worker Tidings] = Setting::of(SettingKind::SecretList)
        .described("none; in development, the secrets are then stored readable");
}
