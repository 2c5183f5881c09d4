use std::path::Path;

use tidings_settings::{Reader, table};

use super::super::BaseUrl;
use super::ServiceAccount;

/// How FCM is reached.
#[derive(Clone, Debug)]
pub struct FcmSettings {
    /// `FCM_SERVICE_ACCOUNT_FILE`: the key file of a service account that may send messages, as the
    /// Firebase console makes it. It is read once, at the start.
    pub account: ServiceAccount,
    /// `FCM_BASE_URL`, default `https://fcm.googleapis.com`. Access tokens come from the `token_uri` of
    /// the file all the same.
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
    fn everything_that_is_wrong_is_noted() {
        let found = problems(&[("FCM_BASE_URL", "fcm")]);
        let names: Vec<_> = found.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["FCM_SERVICE_ACCOUNT_FILE", "FCM_BASE_URL"]);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let found = problems(&[("FCM_SERVICE_ACCOUNT_FILE", "/nowhere/account.json")]);
        let message = &found[0].1;
        assert!(
            message.starts_with("\"/nowhere/account.json\" cannot be read: "),
            "{message}"
        );
    }
}
