use std::path::Path;

use tidings_settings::{Reader, table};

use super::super::BaseUrl;
use super::ServiceAccount;

/// The settings of the FCM provider.
#[derive(Clone, Debug)]
pub struct FcmSettings {
    /// `FCM_SERVICE_ACCOUNT_FILE`: the key file of a service account with permission to send messages, as
    /// created by the Firebase console. It is read once, when the worker starts.
    pub account: ServiceAccount,
    /// `FCM_BASE_URL`, default `https://fcm.googleapis.com`. Does not apply to access tokens, which come from
    /// the `token_uri` of the key file.
    pub base_url: BaseUrl,
}

impl FcmSettings {
    /// Reads the section. Returns `None` after a mistake, which `reader` records.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let account = account(reader);
        let base_url = BaseUrl::read(reader, table::FCM_BASE_URL);
        Some(Self {
            account: account?,
            base_url: base_url?,
        })
    }
}

fn account(reader: &mut Reader) -> Option<ServiceAccount> {
    let path: String = reader.required(table::FCM_SERVICE_ACCOUNT_FILE)?;
    match ServiceAccount::read(Path::new(&path)) {
        Ok(account) => Some(account),
        Err(error) => {
            reader.problem(table::FCM_SERVICE_ACCOUNT_FILE, format!("{path:?} {error}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(vars: &[(&str, &str)]) -> Vec<(&'static str, String)> {
        let vars = vars
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut reader = Reader::from_vars(vars);
        let settings = FcmSettings::read(&mut reader);
        let problems = reader.finish(settings).expect_err("a problem").0;
        problems.into_iter().map(|p| (p.name, p.message)).collect()
    }

    #[test]
    fn all_mistakes_in_the_settings_are_reported() {
        let found = problems(&[("FCM_BASE_URL", "fcm")]);
        let names: Vec<_> = found.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["FCM_SERVICE_ACCOUNT_FILE", "FCM_BASE_URL"]);
    }

    #[test]
    fn a_missing_file_is_named() {
        let found = problems(&[("FCM_SERVICE_ACCOUNT_FILE", "/nowhere/account.json")]);
        let message = &found[0].1;
        assert!(
            message.starts_with("\"/nowhere/account.json\" cannot be read: "),
            "{message}"
        );
    }
}
