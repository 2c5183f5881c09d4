//! Decides how each claimed notification goes on, within the transaction that claims it.

use std::collections::{HashMap, HashSet};

use tidings_broker::Failure;
use tidings_db::notifications::{self, ClaimRequest, ClaimResult, ClaimedNotification, LeaseToken};
use tidings_db::templates::{self, TemplateRow};
use tidings_db::{DbError, Transaction, delivery_attempts};
use tidings_domain::content::TemplateRef;
use tidings_domain::decision::{Candidate, Decision, LimitState, decide};
use tidings_domain::notification::{MessageId, Status, UserId};
use tokio::time::Instant;

use super::admission::Admission;
use super::attempt::AttemptResult;
use super::claim_outcome::claimed;
use super::claims::{Claimed, NextStep, Plan};
use super::content::Draft;
use super::digest_template::built_in;
use super::disposition::Disposition;
use super::prepare::{EarlierAttempts, KnownNotification};
use super::withhold::withhold;
use super::{ClaimedAttempt, Delivery, DeliveryChannel};
use crate::consumer::MessageOutcome;

/// A claimed notification with its draft.
pub(super) struct Drafted<C: DeliveryChannel> {
    pub(super) notification: Box<ClaimedNotification>,
    pub(super) draft: Result<Draft<C::Content>, Failure>,
    pub(super) candidate: Candidate,
    pub(super) decision: Decision,
}

/// What PostgreSQL knows about the claimed notifications of a group.
struct Lookups<C: DeliveryChannel> {
    contacts: HashMap<UserId, Vec<C::Contact>>,
    templates: Vec<(TemplateRef, Option<TemplateRow>)>,
    earlier: HashMap<LeaseToken, EarlierAttempts>,
}

impl<C: DeliveryChannel> Delivery<C> {
    /// Claims notifications, and decides how each of them goes on. `asked_at` is the time before the transaction.
    pub(super) async fn plan(
        &self,
        transaction: &Transaction<'_>,
        claims: &[ClaimedAttempt],
        asked_at: Instant,
    ) -> Result<Vec<Plan<C>>, DbError> {
        let requests: Vec<ClaimRequest> = claims
            .iter()
            .map(|this| ClaimRequest {
                id: this.id,
                attempt: this.number,
                token: this.token,
            })
            .collect();
        let channel = Self::CHANNEL;
        let claimed =
            notifications::claim(transaction, channel, &requests, self.settings.lease).await?;
        if claimed
            .iter()
            .any(|one| matches!(one, ClaimResult::Stopped))
        {
            self.state.stopped_at_claim();
        }
        let drafts = claimed.into_iter().map(|claim| self.draft(claim));
        let mut drafted: Vec<_> = drafts.collect();
        self.apply_user_limit(transaction, claims, &mut drafted)
            .await?;
        self.confirm_quiet_hours(transaction, &mut drafted).await?;
        let ids = claims.iter().map(|this| this.id);
        let all = ids.zip(drafted.iter().map(|one| one.as_ref().ok()));
        let mut lookups = self.look_up(transaction, all).await?;
        let plan = |(this, drafted): (&ClaimedAttempt, _)| match drafted {
            Ok(drafted) => self.plan_attempt(*this, drafted, &mut lookups, asked_at),
            Err(outcome) => Plan::Skip(outcome),
        };
        Ok(claims.iter().zip(drafted).map(plan).collect())
    }

    fn draft(&self, claim: ClaimResult) -> Result<Drafted<C>, MessageOutcome> {
        let notification = claimed(claim)?;
        if notification.channel != Some(Self::CHANNEL.into()) {
            let detail =
                "the channel of the notification is not the channel of the queue of its message";
            let failure = Failure::new("wrong_channel", detail);
            return Err(MessageOutcome::DeadLetter(failure));
        }
        let draft = Draft::read(&notification);
        // The claim has made a scheduled row pending.
        let candidate = Candidate {
            status: Some(Status::Pending),
            window: notification.window,
            is_cancelled: notification.is_cancelled,
            user_is_gone: notification.user_is_gone,
            is_unwanted: notification.is_unwanted,
            // Decided before, by the intake or the scheduler.
            is_collected: false,
            quiet_until: self.settings.quiet_hours.release_of(&notification),
            limit: LimitState::Free,
        };
        Ok(Drafted {
            candidate,
            decision: decide(candidate, notification.now),
            notification,
            draft,
        })
    }

    /// Reads contacts, templates and earlier attempts, each for all notifications at once.
    async fn look_up<'d>(
        &self,
        transaction: &Transaction<'_>,
        all: impl Iterator<Item = (MessageId, Option<&'d Drafted<C>>)>,
    ) -> Result<Lookups<C>, DbError> {
        let mut users = HashSet::new();
        let mut wanted = Vec::<&TemplateRef>::new();
        let mut tried = Vec::new();
        for (id, drafted) in all {
            let Some(drafted) = drafted else { continue };
            let notification = &drafted.notification;
            if notification.has_attempts {
                tried.push((id, notification.token));
            }
            if drafted.decision != Decision::Send {
                continue;
            }
            match &drafted.draft {
                Ok(Draft::Content(content)) if C::has_address(content) => {}
                // Only the rendered content shows whether it has an address.
                Ok(Draft::Content(_)) => users.extend(notification.user_id),
                Ok(Draft::Template { wanted: one, .. }) => {
                    users.extend(notification.user_id);
                    if !wanted.contains(&one) {
                        wanted.push(one);
                    }
                }
                Err(_) => {}
            }
        }
        let mut lookups = Lookups {
            contacts: HashMap::new(),
            templates: Vec::new(),
            earlier: HashMap::new(),
        };
        if !users.is_empty() {
            let users: Vec<UserId> = users.into_iter().collect();
            lookups.contacts = self.channel.contacts(transaction, &users).await?;
        }
        for one in wanted {
            let (name, locale) = (&one.name, one.locale.as_deref());
            let channel = Self::CHANNEL.into();
            let template = templates::resolve(transaction, name, channel, locale).await?;
            lookups.templates.push((one.clone(), template));
        }
        if !tried.is_empty() {
            let ids: Vec<_> = tried.iter().map(|(id, _)| *id).collect();
            let mut settled = delivery_attempts::list_settled_contacts(transaction, &ids).await?;
            let mut unknown = delivery_attempts::list_unknown(transaction, &tried).await?;
            for (id, token) in tried {
                let earlier = EarlierAttempts {
                    settled: settled.remove(&id).unwrap_or_default(),
                    unknown: unknown.remove(&id).unwrap_or_default(),
                };
                lookups.earlier.insert(token, earlier);
            }
        }
        Ok(lookups)
    }

    fn plan_attempt(
        &self,
        this: ClaimedAttempt,
        drafted: Drafted<C>,
        lookups: &mut Lookups<C>,
        asked_at: Instant,
    ) -> Plan<C> {
        let Drafted {
            notification,
            draft,
            decision,
            ..
        } = drafted;
        let disposition = match decision {
            Decision::Send | Decision::Collect => None,
            Decision::Hold { until, reason } => Some(Disposition::Hold { until, reason }),
            Decision::Suppress { reason } => Some(Disposition::Suppress { reason }),
            Decision::Cancel => Some(Disposition::Cancel),
            // A claimed notification has not ended.
            Decision::Expire | Decision::End => Some(Disposition::Expire),
        };
        if let Some(disposition) = disposition {
            return Plan::End(AttemptResult::without_sends(disposition));
        }
        let deferred_for = notification.deferred_for;
        let due_at = notification.due_at;
        let sensitive = notification.sensitive;
        let expires_at = expiry(asked_at, &notification);
        let user = notification.user_id.as_ref();
        let contacts = user.and_then(|user| lookups.contacts.get(user));
        let known = KnownNotification {
            contacts: contacts.cloned().unwrap_or_default(),
            earlier: lookups.earlier.remove(&this.token).unwrap_or_default(),
            notification,
        };
        let next = match draft {
            Err(failure) => NextStep::Reject(failure.into()),
            Ok(Draft::Template { wanted, variables }) => {
                let mut found = lookups.templates.iter().filter(|(one, _)| *one == wanted);
                let found = found.next().and_then(|(_, template)| template.clone());
                NextStep::Render {
                    template: found.or_else(|| built_in(&known.notification, &wanted)),
                    wanted,
                    variables,
                    known,
                }
            }
            Ok(Draft::Content(content)) => match self.prepare(this.id, known, content, None) {
                Err(unsendable) => NextStep::Reject(unsendable),
                Ok(prepared) => match self.admit_now(this.id, prepared) {
                    Admission::Busy(prepared) => NextStep::Wait(prepared),
                    Admission::Admitted(admitted) if admitted.sends.is_empty() => {
                        let result = AttemptResult::new(this, admitted, Vec::new());
                        let result = self.limit_deferral(result, deferred_for);
                        return Plan::End(if sensitive { withhold(result) } else { result });
                    }
                    Admission::Admitted(admitted) => NextStep::Send(admitted, Vec::new()),
                },
            },
        };
        Plan::Claimed(Box::new(Claimed {
            deferred_for,
            due_at,
            expires_at,
            sensitive,
            next,
        }))
    }
}

/// When the notification expires, by the clock of this process. `asked_at` is before the time of the transaction, so
/// that the result is never too late.
fn expiry(asked_at: Instant, notification: &ClaimedNotification) -> Option<Instant> {
    let expires_at = notification.window.expires_at?;
    let left = expires_at.duration_since(notification.now);
    asked_at.checked_add(left.try_into().unwrap_or_default())
}
