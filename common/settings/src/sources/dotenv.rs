use std::collections::HashMap;
use std::ffi::OsString;

use crate::SettingProblem;

/// The environment of the process, without variables that are not UTF-8.
pub(super) fn environment() -> HashMap<String, String> {
    let text = |os: OsString| os.into_string().ok();
    std::env::vars_os()
        .filter_map(|(name, value)| Some((text(name)?, text(value)?)))
        .collect()
}

/// Adds the variables of the file `.env` to the environment of the process, unless they are in
/// `before`, and returns the added ones. Looks for the file in the working folder and in the folders
/// above it.
///
/// Also returns a problem if the file exists and cannot be read or parsed. The message quotes nothing of
/// the file, which holds secrets.
pub(super) fn load(
    before: &HashMap<String, String>,
) -> (HashMap<String, String>, Option<SettingProblem>) {
    let message = match dotenvy::dotenv() {
        Ok(_) => {
            let mut added = environment();
            added.retain(|name, _| !before.contains_key(name));
            return (added, None);
        }
        Err(error) if error.not_found() => return (HashMap::new(), None),
        Err(dotenvy::Error::LineParse(_, position)) => {
            format!("a line cannot be read, at its character {position}: write NAME='value'")
        }
        Err(dotenvy::Error::Io(error)) => error.to_string(),
        Err(_) => "cannot be read".to_owned(),
    };
    let name = ".env";
    (HashMap::new(), Some(SettingProblem { name, message }))
}
