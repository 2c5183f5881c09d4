use std::fmt::Display;
use std::str::FromStr;

use secrecy::SecretString;

use crate::{PlaintextConnection, Setting, SettingProblem, SettingProblems, Sources};

/// Reads settings and collects what is wrong with them. Tidings has its own reader because the
/// libraries for settings stop at the first mistake.
pub struct Reader {
    sources: Sources,
    problems: Vec<SettingProblem>,
    plaintext: Vec<PlaintextConnection>,
}

impl Reader {
    /// The sources.
    #[must_use]
    pub const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Reads the given sources. Begins with the problems of their files.
    #[must_use]
    pub fn new(sources: Sources) -> Self {
        Self {
            problems: sources.problems().to_vec(),
            sources,
            plaintext: Vec::new(),
        }
    }

    /// Reads the given variables, as a test does.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::new(Sources::from_vars(vars))
    }

    /// Adds a problem, once.
    pub fn note(&mut self, problem: SettingProblem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Adds a problem with `setting`.
    pub fn problem(&mut self, setting: &Setting, message: impl Into<String>) {
        self.note(SettingProblem {
            name: setting.name,
            message: message.into(),
        });
    }

    /// Adds an unencrypted connection that `ALLOW_PLAINTEXT` allows, once.
    pub(crate) fn note_plaintext(&mut self, connection: PlaintextConnection) {
        if !self.plaintext.contains(&connection) {
            self.plaintext.push(connection);
        }
    }

    /// The unencrypted connections that the sections read so far ask for, and that `ALLOW_PLAINTEXT` allows.
    #[must_use]
    pub fn allowed_plaintext(&self) -> &[PlaintextConnection] {
        &self.plaintext
    }

    /// The value as it is set, without the default. For settings that are no secrets.
    #[must_use]
    pub fn text(&self, setting: &Setting) -> Option<&str> {
        self.sources.text(setting.name)
    }

    /// Returns whether the setting is set: a default does not count, the file of a secret does.
    #[must_use]
    pub fn is_set(&self, setting: &Setting) -> bool {
        self.sources.is_set(setting)
    }

    /// The value or the default. Returns `None` if there is neither, and after a mistake.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, setting: &Setting) -> Option<T> {
        let text = self.resolve(setting)?;
        self.parse(setting, &text)
    }

    /// The value or the default of the table. After a mistake, the default of the table: the caller goes
    /// on and finds further mistakes, and [`Reader::finish`] fails.
    pub fn value<T: FromStr<Err: Display> + Default>(&mut self, setting: &Setting) -> T {
        let value = self.optional(setting);
        let default = || setting.default_value()?.parse().ok();
        value.or_else(default).unwrap_or_default()
    }

    /// A value that must be set. Returns `None` after a mistake.
    pub fn required<T: FromStr<Err: Display>>(&mut self, setting: &Setting) -> Option<T> {
        self.require(setting);
        self.optional(setting)
    }

    /// Parses the items of a list, which commas separate, and reports each item that is invalid.
    pub fn list<T, E: Display>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let text = self.text(setting).unwrap_or_default().to_owned();
        let mut read = Vec::new();
        for item in text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            match parse(item) {
                Ok(value) => read.push(value),
                Err(error) => self.problem(setting, format!("{item:?}: {error}")),
            }
        }
        read
    }

    /// A secret. Returns `None` if it is not set, and after a mistake.
    pub fn secret(&mut self, setting: &Setting) -> Option<SecretString> {
        self.resolve(setting).map(SecretString::from)
    }

    /// A secret that must be set. Returns `None` after a mistake.
    pub fn required_secret(&mut self, setting: &Setting) -> Option<SecretString> {
        self.require(setting);
        self.secret(setting)
    }

    fn require(&mut self, setting: &Setting) {
        if !self.is_set(setting) && setting.default_value().is_none() {
            self.problem(setting, setting.missing());
        }
    }

    fn resolve(&mut self, setting: &Setting) -> Option<String> {
        match self.sources.value(setting) {
            Ok(value) => value.map(|value| value.text),
            Err(message) => {
                self.problem(setting, message);
                None
            }
        }
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, setting: &Setting, text: &str) -> Option<T> {
        let parsed = setting
            .kind
            .check(text)
            .and_then(|()| text.parse().map_err(|error: T::Err| error.to_string()));
        match parsed {
            Ok(value) => Some(value),
            Err(error) if setting.kind.is_secret() => {
                self.problem(setting, error);
                None
            }
            Err(error) => {
                self.problem(setting, format!("{text:?}: {error}"));
                None
            }
        }
    }

    /// Ends the reading. Returns `settings` if nothing is wrong.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong.
    pub fn finish<T>(self, settings: Option<T>) -> Result<T, SettingProblems> {
        match settings {
            Some(settings) if self.problems.is_empty() => Ok(settings),
            _ => Err(SettingProblems(self.problems)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    fn reader(vars: &[(&str, &str)]) -> Reader {
        Reader::from_vars(vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn a_setting_that_is_missing_or_empty_has_its_default() {
        let mut reader = reader(&[("API_PORT", " ")]);
        assert_eq!(reader.value::<u16>(table::API_PORT), 8080);
        assert_eq!(reader.value::<u16>(table::WORKER_PORT), 8081);
        assert_eq!(reader.optional::<u16>(table::QUORUM_SIZE), None);
        assert!(reader.finish(Some(())).is_ok());
    }

    #[test]
    fn every_mistake_is_reported_with_its_variable() {
        let mut reader = reader(&[("API_PORT", "eighty"), ("DATABASE_POOL_SIZE", "0")]);
        assert_eq!(reader.value::<u16>(table::API_PORT), 8080);
        assert_eq!(reader.value::<usize>(table::DATABASE_POOL_SIZE), 8);
        reader.required_secret(table::JWT_SECRET);
        let problems = reader.finish(Some(())).expect_err("three mistakes");
        let names: Vec<_> = problems.0.iter().map(|problem| problem.name).collect();
        assert_eq!(names, ["API_PORT", "DATABASE_POOL_SIZE", "JWT_SECRET"]);
        let text = problems.to_string();
        assert!(text.contains("\"eighty\": must be a whole number between 0 and 65535"));
    }

    #[test]
    fn a_mistake_that_two_sections_find_is_reported_once() {
        let mut reader = reader(&[("API_PORT", "x")]);
        let _: (u16, u16) = (reader.value(table::API_PORT), reader.value(table::API_PORT));
        assert_eq!(reader.finish(Some(())).expect_err("a mistake").0.len(), 1);
    }
}
