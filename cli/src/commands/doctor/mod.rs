//! `tidings doctor`: checks the settings and the servers, and changes nothing. A failed check does not prevent the others, and no
//! server is checked for longer than [`TIMEOUT`].

mod broker;
mod channels;
mod database;
mod deletions;
mod digests;
mod plaintext;
mod retention;
mod scheduler;
mod schedules;
mod secret;
mod secret_keys;
mod sending;
mod topology;

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tidings_broker::BrokerSettings;
use tidings_db::{DatabaseSettings, DbError, SecretKeys};
use tidings_settings::{SettingProblems, ShutdownSettings, TelemetrySettings};

use crate::output::{CommandOutput, Text, count, printable};
use crate::settings;

/// How long the checks of one server may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long PostgreSQL may take for one check.
const DATABASE_CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// How severe a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
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
#[derive(Debug, Serialize)]
struct CheckResult {
    /// The check: a stable code.
    check: &'static str,
    severity: Severity,
    message: String,
    /// How to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// The results of the checks so far.
#[derive(Default)]
struct CheckResults(Vec<CheckResult>);

impl CheckResults {
    fn ok(&mut self, check: &'static str, message: impl Into<String>) {
        self.add(check, Severity::Ok, message.into(), None);
    }

    fn info(&mut self, check: &'static str, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(check, Severity::Info, message.into(), Some(remedy.into()));
    }

    fn warn(&mut self, check: &'static str, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(
            check,
            Severity::Warning,
            message.into(),
            Some(remedy.into()),
        );
    }

    fn error(
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
    fn has(&self, check: &str) -> bool {
        self.0.iter().any(|result| result.check == check)
    }

    fn count_of(&self, severity: Severity) -> usize {
        let results = self.0.iter();
        results.filter(|result| result.severity == severity).count()
    }
}

/// Runs all checks. The exit code is 1 if a check finds an error.
pub async fn run() -> anyhow::Result<CommandOutput> {
    let mut results = CheckResults::default();
    let database = section(&mut results, settings::read(DatabaseSettings::read));
    let keys = settings::read(|reader| Some(SecretKeys::read(reader)));
    let keys = section(&mut results, keys);
    let broker = section(&mut results, settings::read(BrokerSettings::read));
    section(
        &mut results,
        settings::read(|reader| {
            TelemetrySettings::read(reader);
            ShutdownSettings::read(reader);
            Some(())
        }),
    );
    if results.count_of(Severity::Error) == 0 {
        results.ok("settings", "the settings that all programs share are valid");
    }
    secret::check(&mut results);
    plaintext::check(&mut results);
    let (database_results, broker_results) = tokio::join!(
        server("postgresql", TIMEOUT, async |results| {
            if let Some(settings) = &database {
                database::check(settings, keys.as_ref(), results).await;
            }
        }),
        server("rabbitmq", TIMEOUT, async |results| {
            if let Some(settings) = &broker {
                broker::check(settings, results).await;
            }
        }),
    );
    results.0.extend(database_results.0);
    results.0.extend(broker_results.0);
    report(&results)
}

/// The settings of a section. Adds an error for each wrong setting.
fn section<T>(results: &mut CheckResults, read: Result<T, SettingProblems>) -> Option<T> {
    match read {
        Ok(settings) => Some(settings),
        Err(SettingProblems(problems)) => {
            for problem in problems {
                results.error(
                    "settings",
                    format!("{}: {}", problem.name, problem.message),
                    "correct the setting at its source, which `tidings config show` prints; docs/CONFIGURATION.md explains every setting",
                );
            }
            None
        }
    }
}

/// Runs the checks of one server. Keeps their results even if they do not finish in time.
async fn server(
    check: &'static str,
    timeout: Duration,
    checks: impl AsyncFnOnce(&mut CheckResults),
) -> CheckResults {
    let mut results = CheckResults::default();
    let ended = tokio::time::timeout(timeout, checks(&mut results)).await;
    if ended.is_err() {
        results.error(
            check,
            format!("the checks did not finish within {} s", timeout.as_secs()),
            "the server accepts connections but does not respond: check its log and its load",
        );
    }
    results
}

/// Limits a check of PostgreSQL in time.
async fn in_time<T>(work: impl Future<Output = Result<T, DbError>>) -> Result<T, DbError> {
    tokio::time::timeout(DATABASE_CHECK_TIMEOUT, work)
        .await
        .unwrap_or(Err(DbError::TimedOut))
}

fn report(results: &CheckResults) -> anyhow::Result<CommandOutput> {
    let errors = results.count_of(Severity::Error);
    let warnings = results.count_of(Severity::Warning);
    let mut text = Text::default();
    for result in &results.0 {
        let severity = match result.severity {
            Severity::Ok => "ok",
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "ERROR",
        };
        text.line(format_args!("{severity:<9}{}", printable(&result.message)));
        if let Some(remedy) = &result.remedy {
            text.line(format_args!("{:9}→ {}", "", printable(remedy)));
        }
    }
    text.line(format_args!(
        "\n{}, {}.",
        count(errors, "error"),
        count(warnings, "warning")
    ));
    let json = json!({ "errors": errors, "warnings": warnings, "findings": results.0 });
    Ok(CommandOutput::new(text, json)?.success_if(errors == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn checks_that_hang_end_with_their_results_and_an_error() {
        let results = server("rabbitmq", Duration::from_millis(1), async |results| {
            results.ok("rabbitmq", "answers");
            std::future::pending::<()>().await;
        })
        .await;
        assert_eq!(results.0.len(), 2);
        assert_eq!(results.0[1].severity, Severity::Error);
    }

    #[test]
    fn only_errors_make_the_exit_code_a_failure() {
        let mut results = CheckResults::default();
        results.ok("a", "good");
        results.warn("b", "drifted", "compare");
        assert_eq!(report(&results).expect("JSON").code, 0);
        results.error("c", "unavailable", "start it");
        let report = report(&results).expect("JSON");
        assert_eq!(report.code, 1);
        assert!(report.text.ends_with("1 error, 1 warning.\n"));
    }
}
