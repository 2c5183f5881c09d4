//! Where the values of settings come from.

mod dotenv;
mod file;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::{Setting, SettingProblem, read_text_file, table};

/// The variable that names the settings file if the argument `--config` does not.
const CONFIG_VARIABLE: &str = "TIDINGS_CONFIG";

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueSource {
    /// The environment of the process.
    Environment,
    /// The file `.env` of the working folder or of a folder above it.
    DotEnv,
    /// The settings file.
    File(PathBuf),
    /// The table.
    Default,
}

impl fmt::Display for ValueSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::DotEnv => f.write_str(".env"),
            Self::File(path) => path.display().fmt(f),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The value of a setting. Not masked.
#[derive(Clone, PartialEq, Eq)]
pub struct SettingValue {
    /// The text, without blanks around it.
    pub text: String,
    /// Where the setting is set.
    pub source: ValueSource,
    /// The file that holds the secret, if `NAME_FILE` is set instead of `NAME`.
    pub secret_file: Option<PathBuf>,
}

/// All values, by source.
#[derive(Clone, Default)]
pub struct Sources {
    /// The source that wins comes first.
    layers: Vec<Layer>,
    /// What is wrong with the files.
    problems: Vec<SettingProblem>,
    /// The names of variables that Kubernetes has set.
    ignored: Vec<String>,
}

/// Shows no value.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Layer {
    source: ValueSource,
    values: HashMap<String, String>,
}

impl Layer {
    /// The value of `name`. A variable that is set to nothing (`NAME=`) counts as not set: this is how
    /// compose files and shells pass on a variable that nobody set.
    fn get(&self, name: &str) -> Option<&str> {
        let value = self.values.get(name)?.trim();
        (!value.is_empty()).then_some(value)
    }
}

impl Sources {
    /// Reads the environment, the file `.env`, and the settings file: `config`, or the file that the
    /// variable `TIDINGS_CONFIG` names. Also adds the values of `.env` to the environment of the
    /// process, because libraries read variables of their own, such as `SSL_CERT_FILE`. Call it only in
    /// `main`, before any thread starts.
    ///
    /// A [`crate::Reader`] of the sources reports the mistakes in the files too: a file that cannot be
    /// read or parsed, and unknown keys.
    #[must_use]
    pub fn load(config: Option<&Path>) -> Self {
        let mut environment = dotenv::environment();
        let ignored = remove_service_variables(&mut environment);
        let (dotenv, problem) = dotenv::load(&environment);
        let mut sources = Self {
            problems: problem.into_iter().collect(),
            ignored,
            layers: vec![
                Layer {
                    source: ValueSource::Environment,
                    values: environment,
                },
                Layer {
                    source: ValueSource::DotEnv,
                    values: dotenv,
                },
            ],
        };
        let named = sources.text(CONFIG_VARIABLE).map(PathBuf::from);
        if let Some(path) = config.map(Path::to_owned).or(named) {
            let file = Self::of_file(&path);
            sources.layers.extend(file.layers);
            sources.problems.extend(file.problems);
        }
        sources
    }

    /// Uses only a settings file.
    pub(crate) fn of_file(path: &Path) -> Self {
        let (values, problems) = file::read(path);
        let source = ValueSource::File(path.to_owned());
        Self {
            layers: vec![Layer { source, values }],
            problems,
            ignored: Vec::new(),
        }
    }

    /// What is wrong with the files.
    #[must_use]
    pub fn problems(&self) -> &[SettingProblem] {
        &self.problems
    }

    /// The names of environment variables that are ignored, because Kubernetes sets them for a service of that name, for
    /// example `API_PORT=tcp://10.43.0.7:8080` for a service `api`.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Uses only these values, as a test does.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut values = vars.into_iter().collect();
        let ignored = remove_service_variables(&mut values);
        Self {
            layers: vec![Layer {
                source: ValueSource::Environment,
                values,
            }],
            problems: Vec::new(),
            ignored,
        }
    }

    /// The value of a variable. Does not read secret files and knows no default.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.layers.iter().find_map(|layer| layer.get(name))
    }

    /// Returns whether a source sets the setting or the file of the secret.
    #[must_use]
    pub fn is_set(&self, setting: &Setting) -> bool {
        let by_file = setting.kind.is_secret() && self.text(&file_variable(setting)).is_some();
        by_file || self.text(setting.name).is_some()
    }

    /// The value of a setting: of the source that wins, or the default. A secret may be in the file that
    /// `NAME_FILE` names.
    ///
    /// # Errors
    ///
    /// Returns a message if the file of a secret cannot be read or is empty, and if one source sets
    /// both `NAME` and `NAME_FILE`.
    pub fn value(&self, setting: &Setting) -> Result<Option<SettingValue>, String> {
        for layer in &self.layers {
            let path = if setting.kind.is_secret() {
                layer.get(&file_variable(setting))
            } else {
                None
            };
            let (text, secret_file) = match (layer.get(setting.name), path) {
                (Some(_), Some(_)) => {
                    let file = file_variable(setting);
                    return Err(format!("is set, and {file} too: set one of them"));
                }
                (Some(text), None) => (text.to_owned(), None),
                (None, Some(path)) => (secret(Path::new(path))?, Some(PathBuf::from(path))),
                (None, None) => continue,
            };
            return Ok(Some(SettingValue {
                text,
                source: layer.source.clone(),
                secret_file,
            }));
        }
        Ok(setting.default_value().map(|text| SettingValue {
            text: text.to_owned(),
            source: ValueSource::Default,
            secret_file: None,
        }))
    }
}

/// Removes the settings that are service variables of Kubernetes ("Service: environment variables"): `<SERVICE>_PORT` has
/// the form `tcp://10.43.0.7:8080`, which no port has. Returns their names.
fn remove_service_variables(environment: &mut HashMap<String, String>) -> Vec<String> {
    let is_service = |name: &str, value: &str| {
        let is_url = ["tcp://", "udp://", "sctp://"]
            .iter()
            .any(|scheme| value.trim().starts_with(scheme));
        is_url && name.ends_with("_PORT") && table::find(name).is_some()
    };
    let mut names: Vec<String> = environment
        .iter()
        .filter(|(name, value)| is_service(name, value))
        .map(|(name, _)| name.clone())
        .collect();
    names.sort();
    for name in &names {
        environment.remove(name);
    }
    names
}

/// The variable that names the file of a secret.
fn file_variable(setting: &Setting) -> String {
    format!("{}_FILE", setting.name)
}

/// Reads the file of a secret, without blanks and line ends around the secret.
fn secret(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let text = read_text_file(path)
        .map_err(|error| format!("the file {shown} cannot be read: {error}"))?;
    match text.trim() {
        "" => Err(format!("the file {shown} is empty")),
        secret => Ok(secret.to_owned()),
    }
}

#[cfg(test)]
mod tests;
