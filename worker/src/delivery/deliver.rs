//! The way of one message through the delivery stage.

use std::time::Duration;

use jiff::Timestamp;
use tidings_broker::{Envelope, Failure, WaitTime};
use tidings_domain::notification::DeliveryRequest;
use tokio::time::Instant;

use super::attempt::AttemptResult;
use super::claims::{ClaimReply, ClaimWork, Claimed, ClaimsRequest, NextStep};
use super::content::render;
use super::deferral::Deferral;
use super::disposition::Disposition;
use super::unrecorded::UnrecordedAttempt;
use super::withhold::withhold;
use super::{ClaimedAttempt, Delivery, DeliveryChannel};
use crate::consumer::{MessageOutcome, Place, ProcessError};

impl<C: DeliveryChannel> Delivery<C> {
    /// Processes one message until its outcome is recorded.
    pub(super) async fn deliver(
        &self,
        message: &Envelope,
        place: &Place,
    ) -> Result<MessageOutcome, ProcessError> {
        let request = match DeliveryRequest::decode(&message.body) {
            Ok(request) => request,
            Err(error) => {
                let failure = Failure::new(error.reason(), error.to_string());
                return Ok(MessageOutcome::DeadLetter(failure));
            }
        };
        let now = Timestamp::now();
        if let Some(time) = message.not_before().filter(|time| *time > now) {
            return Ok(Disposition::Defer(Deferral::until(time, now, "")).outcome());
        }
        let id = request.message_id;
        if let Some(outcome) = self.record_unrecorded(id).await? {
            return Ok(outcome);
        }
        let attempt = message.attempt;
        let this = ClaimedAttempt {
            id,
            // An attempt that cannot be read counts as the last one, so that no row has more attempts.
            number: attempt.map_or(u32::MAX, |attempt| attempt.number),
            is_last: attempt.is_none_or(|attempt| attempt.is_last(self.max_retries)),
            token: self.tokens.of(message),
            claimed_at: Instant::now(),
            expires_at: None,
        };
        let reply = self
            .claims
            .submit(this, ClaimsRequest::Claim, &ClaimWork(self))
            .await?;
        match reply {
            ClaimReply::Skip(outcome) => Ok(outcome),
            ClaimReply::Ended {
                disposition,
                all_wait,
            } => {
                if all_wait {
                    self.remember_route(message, &disposition);
                }
                Self::count_end(&disposition, None);
                Ok(disposition.outcome())
            }
            ClaimReply::Claimed(claimed) => self.attempt(message, this, *claimed, place).await,
        }
    }

    /// Makes one attempt for a claimed notification, and records the result.
    async fn attempt(
        &self,
        message: &Envelope,
        this: ClaimedAttempt,
        claimed: Claimed<C>,
        place: &Place,
    ) -> Result<MessageOutcome, ProcessError> {
        let this = ClaimedAttempt {
            expires_at: claimed.expires_at,
            ..this
        };
        let result = match claimed.next {
            NextStep::Send(admitted, rows) => self.send(this, admitted, rows, place).await,
            NextStep::Wait(prepared) => {
                let admitted = self.admit(this.id, prepared).await;
                self.begin_and_send(this, admitted, place).await?
            }
            NextStep::Render {
                wanted,
                template,
                variables,
                known,
            } => {
                let own = self.channel.own_variable(&known.notification, &variables);
                let rendered = render(&wanted, template, variables, own).await;
                let prepared = rendered.and_then(|(content, template)| {
                    self.prepare(this.id, known, content, Some(template))
                });
                match prepared {
                    Ok(prepared) => {
                        let admitted = self.admit(this.id, prepared).await;
                        self.begin_and_send(this, admitted, place).await?
                    }
                    Err(unsendable) => self.reject_unsendable(this, unsendable),
                }
            }
            NextStep::Reject(unsendable) => self.reject_unsendable(this, unsendable),
        };
        // Recording does not delay the next send. The place is still held if nothing was sent.
        place.release();
        let mut result = self.limit_deferral(result, claimed.deferred_for);
        if claimed.sensitive {
            result = withhold(result);
        }
        if result.all_wait {
            self.remember_route(message, &result.disposition);
        }
        self.unrecorded.insert(
            this.id,
            UnrecordedAttempt {
                token: this.token,
                attempt: this.number,
                due_at: Some(claimed.due_at),
                record: result.record,
                disposition: result.disposition,
            },
        );
        let outcome = self.record_unrecorded(this.id).await?;
        // `None` if another copy of the message recorded the attempt meanwhile. This copy comes back and finds
        // the result in the row.
        Ok(outcome.unwrap_or_else(|| MessageOutcome::defer(WaitTime::Second)))
    }

    /// Rejects a message that has waited for its destination longer than `webhook_defer_max`. Lengthens the
    /// next wait of a message that has waited long.
    pub(super) fn limit_deferral(
        &self,
        result: AttemptResult,
        deferred_for: Option<Duration>,
    ) -> AttemptResult {
        let waited = deferred_for.unwrap_or_default();
        let limit = self.settings.webhook_defer_max;
        let disposition = match (result.disposition, self.channel.destinations()) {
            (Disposition::Defer(deferral), Some(destinations)) => {
                if waited > limit && deferral.counts_as_waiting {
                    let hours = limit.as_secs() / 3600;
                    let detail = format!("for more than {hours} h: {}", deferral.reason);
                    Disposition::Reject(Failure::quoting("destination_away", detail))
                } else {
                    let deferral = if deferral.counts_as_waiting {
                        deferral.lengthened_after(waited)
                    } else {
                        deferral
                    };
                    Disposition::Defer(deferral.scheduled(destinations))
                }
            }
            (other, _) => other,
        };
        AttemptResult {
            disposition,
            ..result
        }
    }

    /// Remembers the URLs of a message whose addresses all have to wait, so that the rows of other messages with the
    /// same addresses need not be read.
    fn remember_route(&self, message: &Envelope, disposition: &Disposition) {
        let Some(waits_for) = message.waits_for() else {
            return;
        };
        // The intake gives a message one key. Later ones are those of URLs.
        if let (Disposition::Defer(deferral), Some(destinations), [route], None) = (
            disposition,
            self.channel.destinations(),
            &*waits_for.keys,
            waits_for.row_read_at,
        ) {
            destinations.remember_route(*route, &deferral.waits_for.keys);
        }
    }
}
