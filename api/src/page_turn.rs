//! Limits how many long pages are read, and how many groups are cancelled, at once.

use std::time::Duration;

use actix_web::HttpRequest;
use tidings_db::PAGE_BYTES;
use tidings_http::{Connection, Overloaded};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::ApiError;
use crate::state::AppState;

/// How long a request waits for its turn. As long as other requests wait for a connection to the database.
const WAIT: Duration = Duration::from_secs(5);

/// The right to read one page or to cancel one group, until the value is dropped.
///
/// Half of the connections to the database stay free for short requests. A page that would be dropped because too many
/// responses wait for their clients is refused before it is read.
#[derive(Debug)]
pub struct PageTurn<'s> {
    _permit: SemaphorePermit<'s>,
}

impl PageTurn<'_> {
    /// The turns of a program whose pool has `pool_size` connections.
    pub fn semaphore(pool_size: usize) -> Semaphore {
        Semaphore::new((pool_size / 2).max(1))
    }

    /// Waits for the turn of a part of a long response, or of a request whose response is short.
    ///
    /// # Errors
    ///
    /// Returns 503 after 5 s.
    pub async fn wait_for_part(state: &AppState) -> Result<PageTurn<'_>, ApiError> {
        let turn = tokio::time::timeout(WAIT, state.page_turns.acquire()).await;
        let Ok(Ok(permit)) = turn else {
            return Err(ApiError::overloaded());
        };
        Ok(PageTurn { _permit: permit })
    }

    /// Waits for the turn of a request. The space for its response is kept.
    ///
    /// # Errors
    ///
    /// Returns 503 after 5 s, and if too many bytes wait for their clients.
    pub async fn wait<'s>(
        request: &HttpRequest,
        state: &'s AppState,
    ) -> Result<PageTurn<'s>, ApiError> {
        let turn = Self::wait_for_part(state).await?;
        if let Some(connection) = Connection::of(request) {
            let kept = connection.keep_for_response(PAGE_BYTES);
            kept.map_err(|Overloaded| ApiError::overloaded())?;
        }
        Ok(turn)
    }
}
