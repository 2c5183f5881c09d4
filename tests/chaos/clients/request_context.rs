use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::api_client::ApiClient;
use super::notification_body::{BodyGenerator, NotificationBody};
use super::stats::ClientStats;
use crate::ledger::{Group, Ledger, LedgerEntry};
use crate::run_log::RunLog;

/// What all requests share.
pub(super) struct RequestContext {
    pub(super) log: Arc<RunLog>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) stats: Arc<ClientStats>,
    pub(super) apis: Vec<ApiClient>,
    pub(super) bodies: Mutex<BodyGenerator>,
    pub(super) tasks: TaskTracker,
    /// Ends all requests.
    pub(super) give_up: CancellationToken,
}

impl RequestContext {
    pub(super) fn new_body(&self) -> NotificationBody {
        let bodies = self.bodies.lock();
        bodies.unwrap_or_else(PoisonError::into_inner).generate()
    }

    /// Returns the groups that have become complete and are to be cancelled.
    pub(super) fn take_groups_to_cancel(&self) -> Vec<Group> {
        let bodies = self.bodies.lock();
        let mut bodies = bodies.unwrap_or_else(PoisonError::into_inner);
        bodies.take_groups_to_cancel()
    }

    /// Runs a request until its end, or until all are given up.
    pub(super) fn spawn(&self, request: impl Future<Output = ()> + Send + 'static) {
        let give_up = self.give_up.clone();
        self.tasks
            .spawn(async move { give_up.run_until_cancelled(request).await });
    }

    pub(super) fn record(&self, entry: &LedgerEntry) {
        // Without every attempt and every answer in the ledger, the result of the run is invalid.
        if let Err(error) = self.ledger.append(entry) {
            self.log.error(format_args!("the ledger: {error}"));
        }
    }

    /// Counts a response that a valid request must not get, and logs the first of its kind.
    pub(super) fn report_wrong(&self, what: &str, text: &str) {
        if self.stats.wrong(what) == 1 {
            self.log
                .info(format_args!("unexpected response: {what}: {text}"));
        }
    }
}
