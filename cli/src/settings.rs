//! The settings of the commands, in addition to the sections that all programs share.

use std::path::Path;
use std::sync::OnceLock;

use secrecy::SecretString;
use tidings_domain::jwt::{JwtAlgorithm, JwtAlgorithms};
use tidings_settings::{Reader, SettingProblems, Sources, table};

/// The sources of all settings. Read once per process: commands read their sections from these.
static SOURCES: OnceLock<Sources> = OnceLock::new();

/// Reads the environment, `.env` and the settings file. Call it once, before any thread starts.
///
/// # Errors
///
/// Returns everything that is wrong with the files.
pub fn load(config: Option<&Path>) -> Result<(), SettingProblems> {
    let sources = SOURCES.get_or_init(|| Sources::load(config));
    match sources.problems() {
        [] => Ok(()),
        problems => Err(SettingProblems(problems.to_vec())),
    }
}

/// The sources of all settings.
pub fn sources() -> Sources {
    SOURCES.get().cloned().unwrap_or_default()
}

/// Reads a section.
///
/// # Errors
///
/// Returns everything that is wrong with the section.
pub fn read<T>(section: impl FnOnce(&mut Reader) -> Option<T>) -> Result<T, SettingProblems> {
    let mut reader = Reader::new(sources());
    let settings = section(&mut reader);
    reader.finish(settings)
}

/// How `tidings token` signs tokens.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// `JWT_SECRET`.
    pub secret: SecretString,
    /// The first algorithm of `JWT_ALGORITHM` that uses a shared secret.
    pub algorithm: JwtAlgorithm,
}

impl TokenSettings {
    /// Reads the section. Returns `None` if a required setting is missing.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let algorithms: JwtAlgorithms = reader.value(table::JWT_ALGORITHM);
        let algorithm = algorithms.first_with_shared_secret();
        if algorithm.is_none() {
            let message = "names no algorithm with a shared secret (HS256, HS384, HS512); the issuer signs tokens of other algorithms";
            reader.problem(table::JWT_ALGORITHM, message);
        }
        let secret = reader.required_secret(table::JWT_SECRET);
        Some(Self {
            secret: secret?,
            algorithm: algorithm?,
        })
    }
}
