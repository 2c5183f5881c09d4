use super::group;
use crate::{Condition, Setting, SettingKind};

group! {
    "Links in messages"
    /// The URL at which users reach the API, which serves the page to unsubscribe, and the web pages for accounts. Links in
    /// e-mails begin with it. It begins with `https://`; in development, `http://localhost` is valid, too.
    PUBLIC_URL: [Api Worker Tidings] = Setting::of(SettingKind::Url)
        .required_if(Condition::AnySet(&["UNSUBSCRIBE_SECRETS"]))
        .example("https://notifications.example.com");
    /// The secrets that sign the links to unsubscribe, separated by commas, each at least 32 characters. The first one signs,
    /// all of them verify: to replace a secret, put the new one first and keep the old one as long as e-mails may have its
    /// links. All API processes and workers need the same. Without it, no e-mail of a category of the kind `marketing` is
    /// sent unless its payload has an `unsubscribeUrl`.
    UNSUBSCRIBE_SECRETS: [Api Worker Tidings] = Setting::of(SettingKind::SecretList)
        .example("the output of `openssl rand -hex 32`");
}
