use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::{self, Display};
use std::ops::RangeInclusive;
use std::str::FromStr;

use secrecy::SecretString;

/// Reads settings by the names of their environment variables and notes what is wrong with them.
///
/// A variable that is set to nothing (`NAME=`) counts as not set: that is how compose files and
/// shells hand on a variable that nobody set.
///
/// It is our own because the libraries for this stop at the first mistake.
pub struct Reader {
    vars: HashMap<String, String>,
    problems: Vec<Problem>,
}

/// One setting that is wrong. Never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The environment variable.
    pub name: &'static str,
    /// What is wrong with it and what would be right.
    pub message: String,
}

/// Every setting that is wrong.
#[derive(Debug, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} wrong setting(s):", self.0.len())?;
        for Problem { name, message } in &self.0 {
            write!(f, "\n  {name}: {message}")?;
        }
        Ok(())
    }
}

impl Reader {
    /// Reads the process's environment.
    #[must_use]
    pub fn from_env() -> Self {
        let text = |os: OsString| os.into_string().ok();
        Self::from_vars(
            std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))),
        )
    }

    /// Reads the given variables, as a test does.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            vars: vars
                .into_iter()
                .filter(|(_, value)| !value.trim().is_empty())
                .collect(),
            problems: Vec::new(),
        }
    }

    /// Notes that something is wrong with `name`.
    pub fn problem(&mut self, name: &'static str, message: impl Into<String>) {
        self.problems.push(Problem {
            name,
            message: message.into(),
        });
    }

    /// The value as it stands, where there is one.
    #[must_use]
    pub fn text(&self, name: &'static str) -> Option<&str> {
        self.vars.get(name).map(|value| value.trim())
    }

    /// The value, read as `T`; `None` where it is not set or cannot be read (which is noted).
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<T> {
        let value = self.text(name)?;
        match value.parse() {
            Ok(read) => Some(read),
            Err(error) => {
                let message = format!("{value:?}: {error}");
                self.problem(name, message);
                None
            }
        }
    }

    /// The value, or `default` where it is not set.
    pub fn or<T: FromStr<Err: Display>>(&mut self, name: &'static str, default: T) -> T {
        self.optional(name).unwrap_or(default)
    }

    /// The value, which must lie within `range`, or `default` where it is not set.
    pub fn within<T>(&mut self, name: &'static str, default: T, range: RangeInclusive<T>) -> T
    where
        T: FromStr<Err: Display> + PartialOrd + Display,
    {
        let value = self.or(name, default);
        if !range.contains(&value) {
            let (low, high) = (range.start(), range.end());
            let message = format!("{value}: must be between {low} and {high}");
            self.problem(name, message);
        }
        value
    }

    /// A secret, where there is one.
    #[must_use]
    pub fn secret(&self, name: &'static str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    /// A secret that must be there; `example` says how it looks.
    pub fn required_secret(&mut self, name: &'static str, example: &str) -> Option<SecretString> {
        let secret = self.secret(name);
        if secret.is_none() {
            self.problem(name, format!("is not set; for example {example}"));
        }
        secret
    }

    /// Ends the reading: `settings` if nothing was wrong.
    ///
    /// # Errors
    ///
    /// With everything that is wrong.
    pub fn finish<T>(self, settings: Option<T>) -> Result<T, Problems> {
        match settings {
            Some(settings) if self.problems.is_empty() => Ok(settings),
            _ => Err(Problems(self.problems)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(vars: &[(&str, &str)]) -> Reader {
        Reader::from_vars(vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn what_is_not_set_or_set_to_nothing_has_its_default() {
        let mut reader = reader(&[("EMPTY", " ")]);
        assert_eq!(reader.or("EMPTY", 7), 7);
        assert_eq!(reader.or("ABSENT", 8), 8);
        assert!(reader.finish(Some(())).is_ok());
    }

    #[test]
    fn every_mistake_is_reported_with_its_variable() {
        let mut reader = reader(&[("PORT", "eighty"), ("SIZE", "0")]);
        reader.or("PORT", 80u16);
        reader.within("SIZE", 5, 1..=10);
        reader.required_secret("URL", "amqp://…");
        let problems = reader.finish(Some(())).expect_err("three mistakes");
        let names: Vec<_> = problems.0.iter().map(|problem| problem.name).collect();
        assert_eq!(names, ["PORT", "SIZE", "URL"]);
        assert!(problems.to_string().contains("\"eighty\""));
    }
}
