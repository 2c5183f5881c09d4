//! Looks at everything that can be looked at, one part's trouble keeping no other from being
//! looked at, and nothing for longer than [`TIMEOUT`].

mod broker;
mod database;
mod secret;

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;
use tidings_settings::{Problems, ShutdownSettings, TelemetrySettings};

use crate::output::{Report, Text, count, printable};
use crate::settings;

/// How long one part may take, all in all.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    /// As it should be.
    Ok,
    /// Works, but somebody should look at it.
    Warning,
    /// Does not work.
    Error,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    /// What was looked at: a stable code.
    check: &'static str,
    severity: Severity,
    message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// What was found so far.
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

    /// Whether something was found of `check`.
    fn has(&self, check: &str) -> bool {
        self.0.iter().any(|finding| finding.check == check)
    }

    fn how_many(&self, severity: Severity) -> usize {
        let of_it = self.0.iter().filter(|finding| finding.severity == severity);
        of_it.count()
    }
}

/// Checks everything. The exit code is 1 where something does not work.
pub async fn run() -> anyhow::Result<Report> {
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
    if findings.how_many(Severity::Error) == 0 {
        findings.ok(
            "settings",
            "the settings that all programs share can be read",
        );
    }
    secret::check(&mut findings);
    let (of_database, of_broker) = tokio::join!(
        part("postgresql", TIMEOUT, async |findings| {
            if let Some(settings) = &database {
                database::check(settings, findings).await;
            }
        }),
        part("rabbitmq", TIMEOUT, async |findings| {
            if let Some(settings) = &broker {
                broker::check(settings, findings).await;
            }
        }),
    );
    findings.0.extend(of_database.0);
    findings.0.extend(of_broker.0);
    report(&findings)
}

/// The settings of a section, or a finding for each that is wrong.
fn section<T>(findings: &mut Findings, read: Result<T, Problems>) -> Option<T> {
    match read {
        Ok(settings) => Some(settings),
        Err(Problems(problems)) => {
            for problem in problems {
                findings.error(
                    "settings",
                    format!("{}: {}", problem.name, problem.message),
                    "correct it where it is set: `tidings config show` says where; docs/CONFIGURATION.md explains every setting",
                );
            }
            None
        }
    }
}

/// Runs one part's checks and keeps what they found even where they do not come to an end.
async fn part(
    check: &'static str,
    timeout: Duration,
    checks: impl AsyncFnOnce(&mut Findings),
) -> Findings {
    let mut findings = Findings::default();
    let ended = tokio::time::timeout(timeout, checks(&mut findings)).await;
    if ended.is_err() {
        findings.error(
            check,
            format!("the checks did not end within {} s", timeout.as_secs()),
            "the server accepts connections but does not answer: look at its log and its load",
        );
    }
    findings
}

fn report(findings: &Findings) -> anyhow::Result<Report> {
    let errors = findings.how_many(Severity::Error);
    let warnings = findings.how_many(Severity::Warning);
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
    Ok(Report::fine(text, json)?.fine_if(errors == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_hangs_ends_with_what_it_found_and_an_error() {
        let findings = part("rabbitmq", Duration::from_millis(1), async |findings| {
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
        findings.ok("a", "fine");
        findings.warn("b", "hm", "look");
        assert_eq!(report(&findings).expect("JSON").code, 0);
        findings.error("c", "away", "start it");
        let report = report(&findings).expect("JSON");
        assert_eq!(report.code, 1);
        assert!(report.text.ends_with("1 error, 1 warning.\n"));
    }
}
