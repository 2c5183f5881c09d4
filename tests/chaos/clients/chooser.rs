use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::api_client::{ApiClient, Exchange};
use super::change_generator::ChangeGenerator;
use super::request_context::RequestContext;
use crate::ledger::{LedgerEntry, Quiet, UserChange};
use crate::rng::Rng;
use crate::timing::{wait, wait_or};

/// The pause between two changes of a user, in milliseconds.
const PAUSE: RangeInclusive<u64> = 2_000..=15_000;

/// The pause after a request without a response or with an unexpected one, in milliseconds.
const RETRY: RangeInclusive<u64> = 100..=1_000;

/// How long a user changes nothing else after a request that was not answered with 200. An API or a network that a fault
/// stops for up to 20 s may carry it out after a repetition was answered, and so undo a later change.
const LATE: Duration = Duration::from_secs(45);

/// A user who changes preferences and quiet hours.
pub(super) struct Chooser {
    user: Uuid,
    context: Arc<RequestContext>,
    apis: Vec<ApiClient>,
    rng: Rng,
    changes: ChangeGenerator,
}

impl Chooser {
    pub(super) fn new(user: Uuid, context: &Arc<RequestContext>, mut rng: Rng) -> Self {
        Self {
            user,
            apis: context.apis.iter().map(|api| api.of_user(user)).collect(),
            context: Arc::clone(context),
            changes: ChangeGenerator::new(rng.split()),
            rng,
        }
    }

    /// Changes something from time to time until `stop` is cancelled. Ends without quiet hours.
    pub(super) async fn choose(mut self, stop: CancellationToken) {
        let mut pause = self.rng.millis(PAUSE);
        while !stop.is_cancelled() {
            wait_or(pause, &stop).await;
            if stop.is_cancelled() {
                break;
            }
            let change = self.changes.generate(Timestamp::now());
            let is_certain = self.change(change).await;
            pause = self.rng.millis(PAUSE);
            if !is_certain {
                pause = pause.max(LATE);
            }
        }
        self.change(UserChange::Quiet(Quiet::default())).await;
    }

    /// Repeats a change until it is answered. Returns whether its first request was.
    async fn change(&mut self, change: UserChange) -> bool {
        self.context.record(&LedgerEntry::Change {
            user: self.user,
            change: change.clone(),
            at: Timestamp::now(),
        });
        let mut is_first = true;
        loop {
            // Another API process may be available if the last one was not.
            let api = self.rng.index(self.apis.len());
            let range = match self.apis[api].change(&change).await {
                Exchange::Answered(()) => {
                    self.context.record(&LedgerEntry::Changed {
                        user: self.user,
                        at: Timestamp::now(),
                    });
                    return is_first;
                }
                Exchange::Refused(secs) => secs * 1_000..=secs * 1_000 + 1_000,
                Exchange::Nothing => RETRY,
                Exchange::Wrong(what, text) => {
                    let what = format!("{what} to a change of a user");
                    self.context.report_wrong(&what, &text);
                    RETRY
                }
            };
            is_first = false;
            wait(self.rng.millis(range)).await;
        }
    }
}
