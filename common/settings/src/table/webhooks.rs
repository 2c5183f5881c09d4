use super::group;
use crate::{Setting, SettingKind};

group! {
    /// Webhooks go by `https` to addresses on the public internet. The first two settings allow more.
    "Webhooks"
    /// Hosts that webhooks may also reach, as `host` or `host:port`, separated by commas: at any address, and
    /// also by `http`.
    WEBHOOK_ALLOW_HOSTS: [Api Worker Tidings] = Setting::of(SettingKind::List).example("hooks.internal.example.com:8443");
    /// Networks that webhooks may also reach, separated by commas. By `http` only if the URL holds the address
    /// itself.
    WEBHOOK_ALLOW_NETS: [Api Worker Tidings] = Setting::of(SettingKind::List).example("10.0.0.0/8,fd00::/8");
    /// The secrets that sign webhooks to URLs in payloads: `whsec_` and 24 to 64 bytes in base64, for example the
    /// output of `echo whsec_$(openssl rand -base64 32)`. To replace a secret, list the new one first, separated by
    /// a comma or a blank.
    WEBHOOK_SIGNING_SECRET: [Worker] = Setting::of(SettingKind::SecretList);
}
