//! Checks the settings and the servers, and changes nothing. `tidings doctor` and the API show what it finds. A failed check does
//! not prevent the others, and no server is checked for longer than [`TIMEOUT`].

mod broker;
mod channels;
mod database;
mod deletions;
mod digests;
mod plaintext;
mod results;
mod retention;
mod scheduler;
mod schedules;
mod secret;
mod secret_keys;
mod sending;
mod topology;

use std::time::Duration;

use tidings_broker::BrokerSettings;
use tidings_db::{DatabaseSettings, DbError, SecretKeys};
use tidings_settings::{Reader, SettingProblems, ShutdownSettings, Sources, TelemetrySettings};

pub use results::{CheckResult, CheckResults, Severity};

/// How long the checks of one server may take.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// How long PostgreSQL may take for one check.
const DATABASE_CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs all checks.
pub async fn check(sources: &Sources) -> CheckResults {
    let mut results = CheckResults::default();
    let database = section(&mut results, read(sources, DatabaseSettings::read));
    let keys = read(sources, |reader| Some(SecretKeys::read(reader)));
    let keys = section(&mut results, keys);
    let broker = section(&mut results, read(sources, BrokerSettings::read));
    section(
        &mut results,
        read(sources, |reader| {
            TelemetrySettings::read(reader);
            ShutdownSettings::read(reader);
            Some(())
        }),
    );
    if results.count_of(Severity::Error) == 0 {
        results.ok("settings", "the settings that all programs share are valid");
    }
    secret::check(sources, &mut results);
    plaintext::check(sources, &mut results);
    let (database_results, broker_results) = tokio::join!(
        server("postgresql", TIMEOUT, async |results| {
            if let Some(settings) = &database {
                database::check(sources, settings, keys.as_ref(), results).await;
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
    results
}

/// Reads a section.
fn read<T>(
    sources: &Sources,
    section: impl FnOnce(&mut Reader) -> Option<T>,
) -> Result<T, SettingProblems> {
    let mut reader = Reader::new(sources.clone());
    let settings = section(&mut reader);
    reader.finish(settings)
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
}
