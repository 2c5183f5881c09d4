use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::api_client::{ApiClient, Exchange};
use super::change_generator::ChangeGenerator;
use super::request_context::RequestContext;
use crate::guests::{self, GuestLinks};
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

/// A user who changes preferences and quiet hours, or a recipient without an account who clicks links.
pub(super) struct Chooser {
    /// The user, or what stands for the address.
    user: Uuid,
    /// The links of a recipient without an account.
    links: Option<GuestLinks>,
    context: Arc<RequestContext>,
    apis: Vec<ApiClient>,
    rng: Rng,
    changes: ChangeGenerator,
}

impl Chooser {
    pub(super) fn new(user: Uuid, context: &Arc<RequestContext>, mut rng: Rng) -> Self {
        Self {
            user,
            links: None,
            apis: context.apis.iter().map(|api| api.of_user(user)).collect(),
            context: Arc::clone(context),
            changes: ChangeGenerator::new(rng.split()),
            rng,
        }
    }

    /// A recipient without an account.
    pub(super) fn guest(
        address: &str,
        context: &Arc<RequestContext>,
        rng: Rng,
    ) -> anyhow::Result<Self> {
        let links = GuestLinks::of(address)?;
        Ok(Self {
            links: Some(links),
            ..Self::new(guests::key(address), context, rng)
        })
    }

    /// Changes something from time to time until `stop` is cancelled. Ends without quiet hours.
    pub(super) async fn choose(mut self, stop: CancellationToken) {
        let mut pause = self.rng.millis(PAUSE);
        while !stop.is_cancelled() {
            wait_or(pause, &stop).await;
            if stop.is_cancelled() {
                break;
            }
            let change = match self.links {
                None => self.changes.generate(Timestamp::now()),
                Some(_) => UserChange::Choice(self.changes.click()),
            };
            let is_certain = self.change(change).await;
            pause = self.rng.millis(PAUSE);
            if !is_certain {
                pause = pause.max(LATE);
            }
        }
        if self.links.is_none() {
            self.change(UserChange::Quiet(Quiet::default())).await;
        }
    }

    /// Sends a change, once.
    async fn send(&self, api: usize, change: &UserChange) -> Exchange<()> {
        let api = &self.apis[api];
        match (&self.links, change) {
            (Some(links), UserChange::Choice(choice)) => match links.request(choice) {
                Ok(path) => api.click(&path).await,
                Err(error) => Exchange::Wrong("no link".to_owned(), format!("{error:#}")),
            },
            _ => api.change(change).await,
        }
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
            let range = match self.send(api, &change).await {
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
