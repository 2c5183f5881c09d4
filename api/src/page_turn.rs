//! Limits how many long pages are read, how many groups are cancelled and how many messages are rendered for people, at once.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use tidings_db::PAGE_BYTES;
use tidings_http::{Connection, Overloaded};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;
use crate::state::AppState;

/// How long a request waits for its turn. As long as other requests wait for a connection to the database.
const WAIT: Duration = Duration::from_secs(5);

/// The right to read one page, to cancel one group or to render one message, until the value is dropped.
///
/// Half of the connections to the database stay free for short requests. A page that would be dropped because too many
/// responses wait for their clients is refused before it is read.
#[derive(Debug)]
pub struct PageTurn {
    _permit: OwnedSemaphorePermit,
}

impl PageTurn {
    /// The turns of a program whose pool has `pool_size` connections.
    pub fn semaphore(pool_size: usize) -> Semaphore {
        Semaphore::new((pool_size / 2).max(1))
    }

    /// Waits for the turn of a part of a long response, or of a request whose response is short.
    ///
    /// # Errors
    ///
    /// Returns 503 after 5 s.
    pub async fn wait_for_part(state: &AppState) -> Result<Self, ApiError> {
        let turn = Arc::clone(&state.page_turns).acquire_owned();
        let Ok(Ok(permit)) = tokio::time::timeout(WAIT, turn).await else {
            return Err(ApiError::overloaded());
        };
        Ok(Self { _permit: permit })
    }

    /// Waits for the turn of rendering, and renders on another thread, because it may take tenths of a second. The turn lasts until
    /// the rendering ends, also if the client goes away before.
    ///
    /// # Errors
    ///
    /// Returns 503 after 5 s.
    pub async fn render<T: Send + 'static>(
        state: &AppState,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = Self::wait_for_part(state).await?;
        let rendering = actix_web::web::block(move || {
            let _turn = turn;
            work()
        });
        rendering.await.map_err(ApiError::internal)
    }

    /// Waits for the turn of a request. The space for its response is kept.
    ///
    /// # Errors
    ///
    /// Returns 503 after 5 s, and if too many bytes wait for their clients.
    pub async fn wait(request: &HttpRequest, state: &AppState) -> Result<Self, ApiError> {
        let turn = Self::wait_for_part(state).await?;
        Self::keep_space(request)?;
        Ok(turn)
    }

    /// Keeps the space for the response of a request whose answer may be that of another request.
    ///
    /// # Errors
    ///
    /// Returns 503 if too many bytes wait for their clients.
    pub fn keep_space(request: &HttpRequest) -> Result<(), ApiError> {
        if let Some(connection) = Connection::of(request) {
            let kept = connection.keep_for_response(PAGE_BYTES);
            kept.map_err(|Overloaded| ApiError::overloaded())?;
        }
        Ok(())
    }
}
