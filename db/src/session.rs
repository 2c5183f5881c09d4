//! The session settings that the statements of this crate rely on. An operator may have changed any of them for the
//! database or the role (`ALTER DATABASE … SET`), so each session states them.

use std::fmt::Write as _;
use std::time::Duration;

/// The settings and their values. Not `default_transaction_read_only`: an operator who sets it wants it to apply.
const SETTINGS: [(&str, &str); 16] = [
    // A single statement runs at this level. At a stricter one, concurrent statements fail with 40001.
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_deferrable", "off"),
    ("timezone", "UTC"),
    ("datestyle", "ISO, MDY"),
    ("intervalstyle", "postgres"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
    ("standard_conforming_strings", "on"),
    ("transform_null_equals", "off"),
    // The programs have limits of their own for waiting, and pooled connections may be idle.
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "60s"),
    ("idle_session_timeout", "0"),
    // The statements read rows by their keys. PostgreSQL keeps the plan of a prepared statement, and for a table that is
    // still small it would choose one that reads the whole table, however large it becomes. Compiling a plan that
    // cannot avoid this would take longer than to execute it.
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// How PostgreSQL plans the statements of a session (`plan_cache_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plans {
    /// PostgreSQL decides at each execution whether it plans again, with the values of the parameters: right for
    /// statements whose conditions apply or not, depending on a parameter, as in lists with filters.
    Automatic,
    /// Each statement is planned once a session. Right for statements whose parameters are keys. PostgreSQL would
    /// plan them again at each execution, because it expects more rows from an array of unknown length.
    Generic,
}

impl Plans {
    const fn mode(self) -> &'static str {
        match self {
            Self::Automatic => "auto",
            Self::Generic => "force_generic_plan",
        }
    }
}

/// Whether connections go through a pooler that may execute each transaction on another server connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooler {
    /// No pooler, or one that assigns a server connection to a client for as long as the client is connected.
    #[default]
    None,
    /// A pooler in transaction mode, such as `PgBouncer` with `pool_mode = transaction`.
    Transaction,
}

impl std::str::FromStr for Pooler {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "transaction" => Ok(Self::Transaction),
            _ => Err("must be none or transaction"),
        }
    }
}

/// Builds the statements that state the settings: for the session, or with `local` for the current transaction only.
pub(crate) fn statements(
    statement_timeout: Duration,
    plans: Plans,
    schema: Option<&str>,
    local: bool,
) -> String {
    let scope = if local { "LOCAL" } else { "SESSION" };
    let mut sql = String::new();
    let timeout = statement_timeout.as_millis();
    // Writing to a string does not fail.
    let _ = write!(sql, "SET {scope} statement_timeout = {timeout};");
    for (name, value) in SETTINGS {
        let _ = write!(sql, "SET {scope} {name} = '{value}';");
    }
    let _ = write!(sql, "SET {scope} plan_cache_mode = {};", plans.mode());
    // `DateStyle` is a list, which quotes would turn into one name.
    sql = sql.replace("'ISO, MDY'", "ISO, MDY");
    if let Some(schema) = schema {
        let quoted = schema.replace('"', "\"\"");
        let _ = write!(sql, "SET {scope} search_path = \"{quoted}\";");
    }
    // Exists since PostgreSQL 17.
    let _ = write!(
        sql,
        "SELECT set_config('transaction_timeout', '0', {local})
         WHERE current_setting('transaction_timeout', true) IS NOT NULL;"
    );
    // A message is acknowledged after the commit, so the commit must be on disk. Stricter values stay.
    let _ = write!(
        sql,
        "SELECT set_config('synchronous_commit', 'on', {local})
         WHERE current_setting('synchronous_commit') = 'off';"
    );
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_the_scope_and_a_schema_is_quoted() {
        let sql = statements(Duration::from_secs(1), Plans::Generic, Some("a\"b"), true);
        assert!(sql.contains("SET LOCAL statement_timeout = 1000;"), "{sql}");
        assert!(sql.contains("SET LOCAL datestyle = ISO, MDY;"), "{sql}");
        assert!(sql.contains("SET LOCAL search_path = \"a\"\"b\";"), "{sql}");
        assert!(
            sql.contains("SET LOCAL plan_cache_mode = force_generic_plan;"),
            "{sql}"
        );
        assert!(!sql.contains("SESSION"), "{sql}");
    }
}
