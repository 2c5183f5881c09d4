//! The checks of PostgreSQL.

use jiff::{SignedDuration, Timestamp};
use tidings_db::diagnostics::{ServerInfo, server_info};
use tidings_db::migrations::MigrateError;
use tidings_db::preconditions::preconditions;
use tidings_db::{Database, DatabaseSettings, DbError, SecretKeys, migrations};
use tidings_settings::Sources;

use super::{
    CheckResults, DATABASE_CHECK_TIMEOUT, channels, deletions, digests, in_time, retention,
    scheduler, schedules, secret_keys, sending,
};
use tidings_domain::count;

/// PostgreSQL 15, in the format of `server_version_num`.
const MIN_VERSION: i32 = 150_000;

/// The largest difference of the clocks.
const MAX_SKEW: SignedDuration = SignedDuration::from_secs(2);

/// Checks that PostgreSQL is reachable and new enough, that the clocks agree, that the schema is up to date, and that the
/// secrets of webhook endpoints can be decrypted, unless `keys` is `None` because the setting is wrong.
pub async fn check(
    sources: &Sources,
    settings: &DatabaseSettings,
    keys: Option<&SecretKeys>,
    results: &mut CheckResults,
) {
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
    let is_suitable = check_preconditions(&database, results).await;
    // Through a pooler that no setting names, further queries would leave prepared statements to other clients.
    if check_migrations(&database, results).await && is_suitable {
        scheduler::check(&database, results).await;
        sending::check(&database, results).await;
        channels::check(&database, results).await;
        retention::check(&database, results).await;
        schedules::check(&database, results).await;
        digests::check(&database, results).await;
        deletions::check(&database, results).await;
        if let Some(keys) = keys {
            secret_keys::check(sources, &database, keys, results).await;
        }
    }
}

/// Returns whether the database is suitable. The message of a precondition is followed by its remedy.
async fn check_preconditions(database: &Database, results: &mut CheckResults) -> bool {
    match in_time(preconditions(database)).await {
        Ok(problems) if problems.is_empty() => {
            results.ok("database", "encoding, schema and connections are suitable");
            return true;
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
    false
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

/// Returns whether the schema is up to date.
async fn check_migrations(database: &Database, results: &mut CheckResults) -> bool {
    let asked = tokio::time::timeout(DATABASE_CHECK_TIMEOUT, migrations::pending(database)).await;
    match asked.unwrap_or(Err(MigrateError::Database(DbError::TimedOut))) {
        Ok(pending) if pending.is_empty() => {
            results.ok("migrations", "the schema is up to date");
            return true;
        }
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
    false
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
