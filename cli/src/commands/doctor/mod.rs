//! `tidings doctor`: checks the settings and the servers. A failed check does not prevent the others, and no
//! server is checked for longer than [`TIMEOUT`].

mod broker;
mod database;
mod secret;

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;
use tidings_settings::{Problems, ShutdownSettings, TelemetrySettings};

use crate::output::{CommandOutput, Text, count, printable};
use crate::settings;

/// How long the checks of one server may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    /// Nothing is wrong.
    Ok,
    /// Works, but needs attention.
    Warning,
    /// Does not work.
    Error,
}

/// The result of one check.
#[derive(Debug, Serialize)]
struct Finding {
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
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, check: &'static str, message: impl Into<String>) {
        self.add(check, Severity::Ok, message.into(), None);
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
        self.0.push(Finding {
            check,
            severity,
            message,
            remedy,
        });
    }

    /// Whether there is a result of `check`.
    fn has(&self, check: &str) -> bool {
        self.0.iter().any(|finding| finding.check == check)
    }

    fn count_of(&self, severity: Severity) -> usize {
        let findings = self.0.iter();
        findings
            .filter(|finding| finding.severity == severity)
            .count()
    }
}

/// Runs all checks. The exit code is 1 if a check finds an error.
pub async fn run() -> anyhow::Result<CommandOutput> {
    let mut findings = Findings::default();
    let database = section(&mut findings, settings::read(DatabaseSettings::read));
    let broker = section(&mut findings, settings::read(BrokerSettings::read));
    section(
        &mut findings,
        settings::read(|reader| {
            TelemetrySettings::read(reader);
            ShutdownSettings::read(reader);
            Some(())
        }),
    );
    if findings.count_of(Severity::Error) == 0 {
        findings.ok("settings", "the settings that all programs share are valid");
    }
    secret::check(&mut findings);
    let (database_findings, broker_findings) = tokio::join!(
        server("postgresql", TIMEOUT, async |findings| {
            if let Some(settings) = &database {
                database::check(settings, findings).await;
            }
        }),
        server("rabbitmq", TIMEOUT, async |findings| {
            if let Some(settings) = &broker {
                broker::check(settings, findings).await;
            }
        }),
    );
    findings.0.extend(database_findings.0);
    findings.0.extend(broker_findings.0);
    report(&findings)
}

/// The settings of a section. Adds an error for each wrong setting.
fn section<T>(findings: &mut Findings, read: Result<T, Problems>) -> Option<T> {
    match read {
        Ok(settings) => Some(settings),
        Err(Problems(problems)) => {
            for problem in problems {
                findings.error(
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
    checks: impl AsyncFnOnce(&mut Findings),
) -> Findings {
    let mut findings = Findings::default();
    let ended = tokio::time::timeout(timeout, checks(&mut findings)).await;
    if ended.is_err() {
        findings.error(
            check,
            format!("the checks did not finish within {} s", timeout.as_secs()),
            "the server accepts connections but does not respond: check its log and its load",
        );
    }
    findings
}

fn report(findings: &Findings) -> anyhow::Result<CommandOutput> {
    let errors = findings.count_of(Severity::Error);
    let warnings = findings.count_of(Severity::Warning);
    let mut text = Text::default();
    for finding in &findings.0 {
        let severity = match finding.severity {
            Severity::Ok => "ok",
            Severity::Warning => "warning",
            Severity::Error => "ERROR",
        };
        text.line(format_args!("{severity:<9}{}", printable(&finding.message)));
        if let Some(remedy) = &finding.remedy {
            text.line(format_args!("{:9}→ {}", "", printable(remedy)));
        }
    }
    text.line(format_args!(
        "\n{}, {}.",
        count(errors, "error"),
        count(warnings, "warning")
    ));
    let json = json!({ "errors": errors, "warnings": warnings, "findings": findings.0 });
    Ok(CommandOutput::new(text, json)?.success_if(errors == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn checks_that_hang_end_with_their_results_and_an_error() {
        let findings = server("rabbitmq", Duration::from_millis(1), async |findings| {
            findings.ok("rabbitmq", "answers");
            std::future::pending::<()>().await;
        })
        .await;
        assert_eq!(findings.0.len(), 2);
        assert_eq!(findings.0[1].severity, Severity::Error);
    }

    #[test]
    fn only_errors_make_the_exit_code_a_failure() {
        let mut findings = Findings::default();
        findings.ok("a", "good");
        findings.warn("b", "drifted", "compare");
        assert_eq!(report(&findings).expect("JSON").code, 0);
        findings.error("c", "unavailable", "start it");
        let report = report(&findings).expect("JSON");
        assert_eq!(report.code, 1);
        assert!(report.text.ends_with("1 error, 1 warning.\n"));
    }
}
