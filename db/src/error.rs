use std::fmt;

use tokio_postgres::error::{Severity, SqlState};

/// Why a query gave no result.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// PostgreSQL refused, or the connection died.
    Postgres(#[source] tokio_postgres::Error),
    /// No connection could be had.
    Unavailable(#[source] deadpool_postgres::PoolError),
    /// No answer in time; what was asked for may have happened all the same.
    TimedOut,
}

/// What an error means for the work that met it. DESIGN: three kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The data can never be stored (SQLSTATE class 22).
    Rejected,
    /// The data refers to something that does not exist, perhaps not yet (23503).
    MissingReference,
    /// The server is away, overloaded, not set up, or in the way of others: it has nothing to do with
    /// the data.
    Surroundings,
    /// It may be the data or not: a limit of the program, an error inside the server, a constraint
    /// or a trigger that we do not know (SQLSTATE classes 21, 23, 54, P0, XX).
    Unclear,
}

impl DbError {
    /// What this means for the work that met it.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        let Some(state) = self.sql_state() else {
            return Trouble::Surroundings;
        };
        if *state == SqlState::FOREIGN_KEY_VIOLATION {
            return Trouble::MissingReference;
        }
        match state.code().get(..2) {
            Some("22") => Trouble::Rejected,
            Some("21" | "23" | "54" | "P0" | "XX") => Trouble::Unclear,
            _ => Trouble::Surroundings,
        }
    }

    /// Whether PostgreSQL aborted the transaction because of another one, so that the same transaction can
    /// succeed if it runs again: a serialization failure (40001) or a deadlock (40P01).
    pub(crate) fn is_transient(&self) -> bool {
        self.sql_state().is_some_and(|state| {
            *state == SqlState::T_R_SERIALIZATION_FAILURE
                || *state == SqlState::T_R_DEADLOCK_DETECTED
        })
    }

    /// Whether PostgreSQL refused a statement and goes on with the connection.
    pub(crate) fn leaves_connection_usable(&self) -> bool {
        let Self::Postgres(error) = self else {
            return false;
        };
        error
            .as_db_error()
            .is_some_and(|error| error.parsed_severity() == Some(Severity::Error))
    }

    /// The SQLSTATE, where PostgreSQL itself refused (PostgreSQL manual, appendix A).
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

/// An error and what caused it: the client's errors say too little by themselves. A cause that an
/// error has quoted already is not said twice.
struct Causes<'a>(&'a dyn std::error::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
            }
            said = text;
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
