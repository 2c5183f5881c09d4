use std::fmt::{self, Display};

/// A setting that is wrong. Never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem {
    /// The environment variable, or the file that cannot be read.
    pub name: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Every setting that is wrong.
#[derive(Debug, thiserror::Error)]
pub struct SettingProblems(pub Vec<SettingProblem>);

impl Display for SettingProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} wrong setting(s):", self.0.len())?;
        for SettingProblem { name, message } in &self.0 {
            write!(f, "\n  {name}: {message}")?;
        }
        Ok(())
    }
}
