//! Turns the outcome of a send into a disposition, and updates the state of the provider or destination.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tidings_broker::{Failure, WaitTime};
use tokio::time::Instant;

use super::deferral::Deferral;
use super::disposition::Disposition;
use super::failures::{ADDRESS_GONE, NOT_SENT, REJECTED, unknown_failure};
use super::wait_keys::url_key;
use super::{Delivery, DeliveryChannel};
use crate::providers::SendOutcome;

/// Minimum and maximum pause that a webhook destination may ask for.
const DESTINATION_PAUSE: [Duration; 2] = [Duration::from_secs(1), Duration::from_hours(1)];

/// Pause for a throttling webhook destination that does not say how long.
const DEFAULT_DESTINATION_PAUSE: Duration = Duration::from_secs(30);

impl<C: DeliveryChannel> Delivery<C> {
    /// `unknown_before` is the number of earlier attempts for this address with an unknown outcome.
    pub(super) fn evaluate(
        &self,
        message: &C::Message,
        outcome: SendOutcome,
        duration: Duration,
        unknown_before: u32,
    ) -> Disposition {
        let started = Instant::now() - duration;
        match outcome {
            SendOutcome::Delivered { .. } => {
                self.provider_succeeded(message, started);
                Disposition::Delivered
            }
            SendOutcome::Rejected { error } | SendOutcome::OptedOut { error } => {
                self.provider_succeeded(message, started);
                Disposition::Reject(Failure::quoting(REJECTED, error))
            }
            // Says nothing about the provider.
            SendOutcome::NotSent { error } => {
                Disposition::Reject(Failure::quoting(NOT_SENT, error))
            }
            SendOutcome::AddressGone { error } => {
                self.provider_succeeded(message, started);
                Disposition::AddressGone(Failure::quoting(ADDRESS_GONE, error))
            }
            SendOutcome::RefusedForNow { error } => {
                self.provider_succeeded(message, started);
                Disposition::Retry(Failure::quoting("refused_for_now", error))
            }
            SendOutcome::Failed { error } => {
                let failure = Failure::quoting("provider_failed", error);
                if !self.provider_failed(message, duration) {
                    return Disposition::Retry(failure);
                }
                // While the flow of a channel is stopped, its messages wait in its queue. While one of many
                // destinations is down, its messages wait in a wait queue.
                Disposition::Defer(match self.destination(message) {
                    Some((_, url)) => {
                        defer_after(&failure, WaitTime::HalfMinute).waiting_for(url_key(url))
                    }
                    None => defer_after(&failure, WaitTime::Second),
                })
            }
            // Uses up an attempt even if the provider is down: the message may have arrived, and nothing else
            // would limit how often it arrives.
            SendOutcome::Unknown { error } => {
                self.provider_failed(message, duration);
                let copies = unknown_before.saturating_add(1);
                let failure = unknown_failure(copies, &error);
                if copies < self.max_copies() {
                    Disposition::Retry(failure)
                } else {
                    Disposition::Reject(failure)
                }
            }
            SendOutcome::Throttled { retry_after, .. } => {
                self.throttled(message, started, retry_after)
            }
            SendOutcome::CredentialsRefused { error } => {
                self.state.credentials_refused();
                let failure = Failure::quoting("credentials_refused", error);
                Disposition::Defer(defer_after(&failure, WaitTime::Second))
            }
            SendOutcome::InstallationRefused { reason, error } => {
                self.state.installation_refused(&reason);
                let failure = Failure::quoting("installation_refused", error);
                Disposition::Defer(defer_after(&failure, WaitTime::Second))
            }
        }
    }

    fn provider_succeeded(&self, message: &C::Message, started: Instant) {
        match self.destination(message) {
            Some((destinations, url)) => destinations.succeeded(url, started),
            None => self.state.succeeded(started),
        }
    }

    /// Records a failure of the provider or destination. Returns whether it is down.
    fn provider_failed(&self, message: &C::Message, duration: Duration) -> bool {
        if let Some((destinations, url)) = self.destination(message) {
            destinations.failed(url, duration)
        } else {
            self.state.failed();
            self.state.is_down()
        }
    }

    fn throttled(
        &self,
        message: &C::Message,
        started: Instant,
        retry_after: Option<Duration>,
    ) -> Disposition {
        const REASON: &str = "the provider throttles";
        let Some((destinations, url)) = self.destination(message) else {
            // The message returns to its queue and stays there, because the consumer takes no messages during
            // the pause.
            self.state.pause(started, retry_after);
            return Disposition::Defer(Deferral::wait(WaitTime::Second, REASON));
        };
        let pause = retry_after.unwrap_or(DEFAULT_DESTINATION_PAUSE);
        let pause = pause.clamp(DESTINATION_PAUSE[0], DESTINATION_PAUSE[1]);
        destinations.throttled(url, started, pause);
        let now = Timestamp::now();
        let until = now + SignedDuration::try_from(pause).unwrap_or_default();
        Disposition::Defer(Deferral::until(until, now, REASON).waiting_for(url_key(url)))
    }
}

/// While a provider is down, its messages wait without using up attempts.
fn defer_after(failure: &Failure, wait: WaitTime) -> Deferral {
    let reason = format!("{}: {}", failure.reason, failure.detail);
    Deferral::wait(wait, reason)
}
