use serde::Serialize;

/// How severe a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is wrong.
    Ok,
    /// As an operator wants it, and others should know.
    Info,
    /// Works, but needs attention.
    Warning,
    /// Does not work.
    Error,
}

/// The result of one check.
#[derive(Clone, Debug, Serialize)]
pub struct CheckResult {
    /// The check: a stable code.
    pub check: &'static str,
    /// How severe it is.
    pub severity: Severity,
    /// What was found.
    pub message: String,
    /// How to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// The results of the checks so far.
#[derive(Clone, Debug, Default)]
pub struct CheckResults(pub Vec<CheckResult>);

impl CheckResults {
    pub(crate) fn ok(&mut self, check: &'static str, message: impl Into<String>) {
        self.add(check, Severity::Ok, message.into(), None);
    }

    pub(crate) fn info(
        &mut self,
        check: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(check, Severity::Info, message.into(), Some(remedy.into()));
    }

    pub(crate) fn warn(
        &mut self,
        check: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(
            check,
            Severity::Warning,
            message.into(),
            Some(remedy.into()),
        );
    }

    pub(crate) fn error(
        &mut self,
        check: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(check, Severity::Error, message.into(), Some(remedy.into()));
    }

    fn add(
        &mut self,
        check: &'static str,
        severity: Severity,
        message: String,
        remedy: Option<String>,
    ) {
        self.0.push(CheckResult {
            check,
            severity,
            message,
            remedy,
        });
    }

    /// Whether there is a result of `check`.
    pub(crate) fn has(&self, check: &str) -> bool {
        self.0.iter().any(|result| result.check == check)
    }

    /// How many results have this severity.
    #[must_use]
    pub fn count_of(&self, severity: Severity) -> usize {
        let results = self.0.iter();
        results.filter(|result| result.severity == severity).count()
    }
}
