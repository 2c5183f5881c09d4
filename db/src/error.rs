use std::fmt;

use tokio_postgres::error::{Severity, SqlState};

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// PostgreSQL refused the statement, or the connection was lost.
    Postgres(#[source] tokio_postgres::Error),
    /// No connection was available.
    Unavailable(#[source] deadpool_postgres::PoolError),
    /// PostgreSQL did not answer in time; the statement may have been executed.
    TimedOut,
}

/// The kind of a database error, which decides how the caller goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbErrorKind {
    /// The data can never be stored (SQLSTATE class 22).
    InvalidData,
    /// The data refers to a row that does not exist, or does not exist yet (SQLSTATE 23503).
    MissingReference,
    /// The server is unavailable, overloaded or not set up, or another transaction conflicts: the
    /// data is not the cause.
    Environment,
    /// The data can be the cause: a program limit, an internal error of the server, an unknown
    /// constraint or trigger (SQLSTATE classes 21, 23, 54, P0, XX).
    Unclear,
}

impl DbError {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> DbErrorKind {
        let Some(state) = self.sql_state() else {
            return DbErrorKind::Environment;
        };
        if *state == SqlState::FOREIGN_KEY_VIOLATION {
            return DbErrorKind::MissingReference;
        }
        match state.code().get(..2) {
            Some("22") => DbErrorKind::InvalidData,
            Some("21" | "23" | "54" | "P0" | "XX") => DbErrorKind::Unclear,
            _ => DbErrorKind::Environment,
        }
    }

    /// Whether PostgreSQL aborted the transaction because of another one, so that the same transaction can succeed if it
    /// runs again: a serialization failure (40001) or a deadlock (40P01).
    pub(crate) fn is_conflict(&self) -> bool {
        self.sql_state().is_some_and(|state| {
            *state == SqlState::T_R_SERIALIZATION_FAILURE
                || *state == SqlState::T_R_DEADLOCK_DETECTED
        })
    }

    /// Whether a statement has waited for a lock for longer than `lock_timeout`.
    #[must_use]
    pub fn is_lock_timeout(&self) -> bool {
        self.sql_state() == Some(&SqlState::LOCK_NOT_AVAILABLE)
    }

    /// Whether PostgreSQL refused a statement and goes on with the connection.
    #[must_use]
    pub fn leaves_connection_usable(&self) -> bool {
        let Self::Postgres(error) = self else {
            return false;
        };
        error
            .as_db_error()
            .is_some_and(|error| error.parsed_severity() == Some(Severity::Error))
    }

    /// Returns the SQLSTATE if PostgreSQL refused the statement (PostgreSQL manual, appendix A).
    #[must_use]
    pub fn sql_state(&self) -> Option<&SqlState> {
        match self {
            Self::Postgres(error) => error.code(),
            _ => None,
        }
    }
}

/// The server's message and SQLSTATE, without its `DETAIL`, which quotes data.
impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(error) => match error.as_db_error() {
                Some(db) => write!(f, "{} (SQLSTATE {})", db.message(), db.code().code()),
                None => write!(f, "{}", Causes(error)),
            },
            Self::Unavailable(error) => write!(f, "no connection to PostgreSQL: {}", Causes(error)),
            Self::TimedOut => f.write_str("PostgreSQL did not answer in time"),
        }
    }
}

/// Displays an error with its causes, because the client library's errors say too little by themselves.
/// Skips a cause that the error before already quotes.
struct Causes<'a>(&'a dyn std::error::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        f.write_str(&last)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !last.contains(&text) {
                write!(f, ": {text}")?;
            }
            last = text;
            source = cause.source();
        }
        Ok(())
    }
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<deadpool_postgres::PoolError> for DbError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self::Unavailable(error)
    }
}
