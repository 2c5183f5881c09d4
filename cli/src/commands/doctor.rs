//! `tidings doctor`.

use serde_json::json;
use tidings_doctor::{CheckResults, Severity};

use crate::output::{CommandOutput, Text, count, printable};
use crate::settings;

/// Runs all checks. The exit code is 1 if a check finds an error.
pub async fn run() -> anyhow::Result<CommandOutput> {
    report(&tidings_doctor::check(&settings::sources()).await)
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
    use tidings_doctor::CheckResult;

    use super::*;

    #[test]
    fn only_errors_make_the_exit_code_a_failure() {
        let mut results = CheckResults::default();
        for (severity, code) in [
            (Severity::Ok, 0),
            (Severity::Warning, 0),
            (Severity::Error, 1),
        ] {
            results.0.push(CheckResult {
                check: "a",
                severity,
                message: "found".to_owned(),
                remedy: None,
            });
            assert_eq!(report(&results).expect("JSON").code, code);
        }
        let report = report(&results).expect("JSON");
        assert!(report.text.ends_with("1 error, 1 warning.\n"));
    }
}
