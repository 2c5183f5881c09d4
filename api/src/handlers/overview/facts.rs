//! Collects what an overview is made of.

use jiff::Timestamp;
use tidings_broker::QueueStatus;
use tidings_db::{DbError, DbErrorKind, overview};
use tidings_domain::overview::{DatabaseFacts, Facts, ServerState};

use crate::error::ApiError;
use crate::state::AppState;

/// What this process and PostgreSQL know now. While PostgreSQL is unavailable, what it knows is absent.
///
/// # Errors
///
/// Returns 500 if a query fails for another reason.
pub async fn collect(state: &AppState) -> Result<Facts, ApiError> {
    let at = Timestamp::now();
    let database = match database(state, at).await {
        Ok(known) => Some(known),
        Err(error) if error.kind() == DbErrorKind::Environment => {
            tracing::debug!(%error, "the overview has no facts of PostgreSQL");
            None
        }
        Err(error) => return Err(error.into()),
    };
    Ok(of_queues(state, at, database))
}

/// What PostgreSQL knows. The statistics may be those of another request some seconds ago.
async fn database(state: &AppState, at: Timestamp) -> Result<DatabaseFacts, DbError> {
    let database = &state.database;
    let finding = state.figures.get((), async || {
        let reading = database.run(async |client| overview::figures(client, at).await);
        reading.await
    });
    let figures = finding.await?;
    let reading = database.run(async |client| overview::facts(client, figures).await);
    reading.await
}

/// What this process knows about the queues, and `database`.
pub fn of_queues(state: &AppState, at: Timestamp, database: Option<DatabaseFacts>) -> Facts {
    let broker = if state.health.rabbitmq() {
        ServerState::Connected
    } else {
        ServerState::Disconnected
    };
    Facts {
        at,
        broker,
        queues: state.depths.all().iter().map(QueueStatus::facts).collect(),
        max_queue_length: state.http.queue_max_length,
        database,
    }
}
