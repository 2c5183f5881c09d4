//! The checks of PostgreSQL.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tidings_db::diagnostics::{ServerInfo, server_info};
use tidings_db::migrations::MigrateError;
use tidings_db::preconditions::preconditions;
use tidings_db::{Database, DatabaseSettings, DbError, migrations};

use super::CheckResults;
use crate::output::count;

/// PostgreSQL 15, in the format of `server_version_num`.
const MIN_VERSION: i32 = 150_000;

/// The largest difference of the clocks.
const MAX_SKEW: SignedDuration = SignedDuration::from_secs(2);

/// How long PostgreSQL may take for one check.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Checks that PostgreSQL is reachable and new enough, that the clocks agree, and that the schema is up to date.
pub async fn check(settings: &DatabaseSettings, results: &mut CheckResults) {
    let database = match Database::new(settings, "tidings doctor") {
        Ok(database) => database,
        Err(error) => {
            results.error("postgresql", error.to_string(), "correct DATABASE_URL");
            return;
        }
    };
    match in_time(query_server(&database)).await {
        Ok((info, skew)) => {
            check_version(&info, results);
            check_clock(skew, results);
        }
        Err(error) => {
            results.error(
                "postgresql",
                format!("PostgreSQL cannot be reached: {error}"),
                "start it, or correct host, port, user, password and database in DATABASE_URL",
            );
            return;
        }
    }
    check_preconditions(&database, results).await;
    check_migrations(&database, results).await;
}

/// The message of a precondition is followed by its remedy.
async fn check_preconditions(database: &Database, results: &mut CheckResults) {
    match in_time(preconditions(database)).await {
        Ok(problems) if problems.is_empty() => {
            results.ok("database", "encoding, schema and connections are suitable");
        }
        Ok(problems) => {
            for problem in problems {
                let text = problem.to_string();
                let (message, remedy) = text.split_once("; ").unwrap_or((&text, ""));
                results.error("database", message, remedy);
            }
        }
        Err(error) => results.error(
            "database",
            format!("cannot ask for the properties of the database: {error}"),
            "check the log of PostgreSQL",
        ),
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, DbError>>) -> Result<T, DbError> {
    tokio::time::timeout(TIMEOUT, work)
        .await
        .unwrap_or(Err(DbError::TimedOut))
}

/// Information about the server, and how far its clock is ahead of the clock of this machine.
async fn query_server(database: &Database) -> Result<(ServerInfo, SignedDuration), DbError> {
    database
        .run(async |client| {
            // The first query on a connection is slow, so only the second one compares the clocks.
            server_info(client).await?;
            let before = Timestamp::now();
            let info = server_info(client).await?;
            let after = Timestamp::now();
            let skew = skew(before, info.now, after);
            Ok((info, skew))
        })
        .await
}

/// How far `server` is ahead of the clock of this machine, assuming that the server read its clock half-way between
/// `before` and `after`.
fn skew(before: Timestamp, server: Timestamp, after: Timestamp) -> SignedDuration {
    let local = before + after.duration_since(before) / 2;
    server.duration_since(local)
}

fn check_version(info: &ServerInfo, results: &mut CheckResults) {
    let message = format!("PostgreSQL {} responds", info.version);
    if info.version_number < MIN_VERSION {
        results.error(
            "postgresql-version",
            format!("{message}, but Tidings needs 15 or later"),
            "upgrade it with pg_upgrade, or dump and restore",
        );
    } else {
        results.ok("postgresql-version", message);
    }
}

fn check_clock(skew: SignedDuration, results: &mut CheckResults) {
    let millis = skew.as_millis();
    if skew.abs() > MAX_SKEW {
        let direction = if skew.is_negative() {
            "behind"
        } else {
            "ahead of"
        };
        results.warn(
            "clock",
            format!(
                "the clock of PostgreSQL is {} ms {direction} the clock of this machine",
                millis.abs()
            ),
            "synchronize both machines by NTP: leases, schedules and tokens depend on the clock",
        );
    } else {
        results.ok(
            "clock",
            format!("the clocks agree within {} ms", millis.abs()),
        );
    }
}

async fn check_migrations(database: &Database, results: &mut CheckResults) {
    let asked = tokio::time::timeout(TIMEOUT, migrations::pending(database)).await;
    match asked.unwrap_or(Err(MigrateError::Database(DbError::TimedOut))) {
        Ok(pending) if pending.is_empty() => results.ok("migrations", "the schema is up to date"),
        Ok(pending) => results.error(
            "migrations",
            format!("{} not run: {}", count(pending.len(), "migration"), pending.join(", ")),
            "run `tidings migrate`",
        ),
        Err(error) => results.error(
            "migrations",
            format!("cannot read which migrations have run: {error}"),
            "check that DATABASE_URL is the database of Tidings, and that the user may read refinery_schema_history",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_trip_to_the_server_is_no_skew() {
        let at = |millis: i64| {
            Timestamp::from_millisecond(1_700_000_000_000 + millis).expect("in range")
        };
        assert_eq!(skew(at(0), at(2500), at(5000)), SignedDuration::ZERO);
        assert_eq!(skew(at(0), at(3000), at(0)), SignedDuration::from_secs(3));
    }

    #[test]
    fn only_a_skew_above_the_limit_is_a_warning() {
        let severity = |millis| {
            let mut results = CheckResults::default();
            check_clock(SignedDuration::from_millis(millis), &mut results);
            results.0[0].severity
        };
        assert_eq!(severity(-2000), super::super::Severity::Ok);
        assert_eq!(severity(-2001), super::super::Severity::Warning);
        assert_eq!(severity(2001), super::super::Severity::Warning);
    }
}
