//! The rate limits of callers: how many requests a minute each may send, to all processes of the API together.
//!
//! docs/LIMITS.md says what clients see of it.

mod bucket;
mod gcra;
mod headers;
mod leases;
mod limiter;
mod retry_after;
mod settings;

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest};
use tidings_db::Database;
use tidings_runtime::tasks::Tasks;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use gcra::Rate;
pub use headers::RateLimitHeaders;
pub use settings::RateLimitSettings;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;
use limiter::{Exhausted, RateLimiter};
use retry_after::retry_after_secs;

/// The rate limits of this process. Clones share them.
#[derive(Clone)]
pub struct RateLimits {
    settings: RateLimitSettings,
    limiter: Arc<RateLimiter>,
}

/// What the caller of a request has left. Stored in the extensions of the request once the request is counted.
#[derive(Clone, Copy)]
struct Counted {
    key: Uuid,
    headers: RateLimitHeaders,
}

impl RateLimits {
    /// Starts the task that shares the limits with other processes through `database`.
    pub fn start(
        database: Database,
        settings: RateLimitSettings,
        tasks: &mut Tasks,
        stop: &CancellationToken,
    ) -> Self {
        let limiter = Arc::<RateLimiter>::default();
        let renewing = leases::renew(Arc::clone(&limiter), database);
        let stop = stop.clone();
        tasks.spawn("rate limits", async move {
            stop.run_until_cancelled(renewing).await;
        });
        Self { settings, limiter }
    }
}

impl RateLimits {
    /// Counts a call of `caller` by gRPC, or a notification in its stream.
    ///
    /// # Errors
    ///
    /// Returns 429 if the caller has sent too many.
    pub fn count_call(&self, caller: &Caller) -> Result<(), ApiError> {
        self.take(caller).map_or(Ok(()), |(_, taken)| taken)
    }

    /// Counts the notifications of a batch by gRPC, of which the first one was counted as the call.
    pub fn count_call_items(&self, caller: &Caller, items: usize) {
        if let Some(rate) = self.settings.limit_of(caller) {
            self.limiter.charge(key_of(caller), rate, others(items));
        }
    }

    /// Returns `None` if the caller has no limit.
    fn take(&self, caller: &Caller) -> Option<(Counted, Result<(), ApiError>)> {
        let rate = self.settings.limit_of(caller)?;
        let key = key_of(caller);
        let (remaining, taken) = self.limiter.take(key, rate);
        let headers = RateLimitHeaders { rate, remaining };
        let taken =
            taken.map_err(|Exhausted { wait }| ApiError::rate_limited(retry_after_secs(wait)));
        Some((Counted { key, headers }, taken))
    }
}

/// The key of a caller's bucket.
fn key_of(caller: &Caller) -> Uuid {
    caller.key_namespace().as_uuid()
}

/// How many items of a batch follow the first one.
fn others(items: usize) -> u32 {
    u32::try_from(items.saturating_sub(1)).unwrap_or(u32::MAX)
}

/// Counts a request of `caller`, once.
///
/// # Errors
///
/// Returns 429 if the caller has sent too many requests.
pub fn count(request: &HttpRequest, caller: &Caller) -> Result<(), ApiError> {
    if request.extensions().get::<Counted>().is_some() {
        return Ok(());
    }
    let Some((counted, taken)) = AppState::of(request).rate_limits.take(caller) else {
        return Ok(());
    };
    request.extensions_mut().insert(counted);
    taken
}

/// Counts the items of a batch, of which the first one was counted as the request.
pub fn count_items(request: &HttpRequest, items: usize) {
    let Some(Counted { key, headers }) = request.extensions().get::<Counted>().copied() else {
        return;
    };
    let limiter = &AppState::of(request).rate_limits.limiter;
    let remaining = limiter.charge(key, headers.rate, others(items));
    let headers = RateLimitHeaders {
        remaining,
        ..headers
    };
    request.extensions_mut().insert(Counted { key, headers });
}

/// The headers for the response to a request; `None` if its caller has no limit.
pub fn headers_of(request: &HttpRequest) -> Option<RateLimitHeaders> {
    let counted = request.extensions().get::<Counted>().copied();
    counted.map(|counted| counted.headers)
}
