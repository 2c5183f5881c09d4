//! Claims notifications and begins their attempts: one transaction for all messages that have arrived.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tidings_broker::Failure;
use tidings_db::delivery_attempts::{self, NewAttempt, UsedTemplate};
use tidings_db::notifications::{
    self, ClaimRequest, ClaimResult, ClaimedNotification, LeaseToken, LockedRows,
};
use tidings_db::templates::{self, TemplateRow};
use tidings_db::{DbError, Transaction, TransactionOptions};
use tidings_domain::content::{Object, TemplateRef};
use tidings_domain::notification::{MessageId, UserId};
use uuid::Uuid;

use super::admission::{Admission, Admitted};
use super::attempt::AttemptResult;
use super::claim_outcome::claimed;
use super::content::Draft;
use super::disposition::Disposition;
use super::group::GroupWork;
use super::prepare::{EarlierAttempts, KnownNotification, Prepared, Unsendable};
use super::record::claim_end;
use super::{ClaimedAttempt, Delivery, DeliveryChannel};
use crate::consumer::MessageOutcome;

/// What a message asks for.
pub(super) enum ClaimsRequest {
    /// To claim its notification, and to begin the attempt if that is possible now.
    Claim(ClaimedAttempt),
    /// To begin the attempt for a notification that it has claimed.
    Begin {
        this: ClaimedAttempt,
        contacts: Vec<Option<Uuid>>,
        template: Option<UsedTemplate>,
    },
}

/// What a message gets.
pub(super) enum ClaimsReply<C: DeliveryChannel> {
    /// The notification is not claimed, or not delivered by this stage.
    Skip(MessageOutcome),
    /// There is nothing to send, for example because all destinations have to wait. The claim has ended.
    Ended {
        disposition: Disposition,
        all_wait: bool,
    },
    /// The notification is claimed.
    Claimed(Box<Claimed<C>>),
    /// The attempt has begun. Contains its rows in `delivery_attempts`.
    Begun(Vec<i64>),
}

/// A claimed notification.
pub(super) struct Claimed<C: DeliveryChannel> {
    pub(super) deferred_for: Option<Duration>,
    pub(super) next: NextStep<C>,
}

/// How an attempt goes on after the claim.
pub(super) enum NextStep<C: DeliveryChannel> {
    /// The attempt has begun, with these rows in `delivery_attempts`.
    Send(Admitted<C::Message>, Vec<i64>),
    /// The destinations are busy.
    Wait(Prepared<C::Message>),
    /// The content must be rendered.
    Render {
        wanted: TemplateRef,
        template: Option<TemplateRow>,
        variables: Object,
        known: KnownNotification<C>,
    },
    /// The notification can never be sent.
    Reject(Unsendable),
}

/// What a message of the group gets, before its rows are written.
enum Plan<C: DeliveryChannel> {
    Skip(MessageOutcome),
    End(AttemptResult),
    Claimed(Claimed<C>),
    Begin(usize),
}

/// A claimed notification with its draft.
struct Drafted<C: DeliveryChannel> {
    notification: Box<ClaimedNotification>,
    draft: Result<Draft<C::Content>, Failure>,
}

/// What PostgreSQL knows about the claimed notifications of a group.
struct Lookups<C: DeliveryChannel> {
    contacts: HashMap<UserId, Vec<C::Contact>>,
    templates: Vec<(TemplateRef, Option<TemplateRow>)>,
    earlier: HashMap<LeaseToken, EarlierAttempts>,
}

/// Serves claims, and attempts that begin later.
pub(super) struct ClaimWork<'a, C: DeliveryChannel>(pub(super) &'a Delivery<C>);

impl<C: DeliveryChannel> GroupWork for ClaimWork<'_, C> {
    type Request = ClaimsRequest;
    type Reply = ClaimsReply<C>;

    async fn run(&self, requests: &[ClaimsRequest]) -> Result<Vec<ClaimsReply<C>>, DbError> {
        let delivery = self.0;
        Delivery::<C>::count_transaction("claim");
        delivery
            .database
            .transaction(TransactionOptions::default(), async |transaction| {
                let plans = delivery.plan(transaction, requests).await?;
                delivery.carry_out(transaction, requests, plans).await
            })
            .await
    }
}

impl<C: DeliveryChannel> Delivery<C> {
    /// Claims, and decides how each message goes on.
    async fn plan(
        &self,
        transaction: &Transaction<'_>,
        requests: &[ClaimsRequest],
    ) -> Result<Vec<Plan<C>>, DbError> {
        let wanted: Vec<ClaimRequest> = requests.iter().filter_map(ClaimsRequest::claim).collect();
        let claims = notifications::claim(transaction, &wanted, self.settings.lease).await?;
        let drafted: Vec<_> = claims.into_iter().map(Self::draft).collect();
        let ids = wanted.iter().map(|one| one.id);
        let all = ids.zip(drafted.iter().map(|one| one.as_ref().ok()));
        let mut lookups = Self::look_up(transaction, all).await?;
        let mut drafted = drafted.into_iter();
        let mut plans = Vec::with_capacity(requests.len());
        for request in requests {
            plans.push(match request {
                ClaimsRequest::Claim(this) => match drafted.next() {
                    Some(Ok(drafted)) => self.plan_attempt(*this, drafted, &mut lookups),
                    Some(Err(outcome)) => Plan::Skip(outcome),
                    None => continue,
                },
                ClaimsRequest::Begin { contacts, .. } => Plan::Begin(contacts.len()),
            });
        }
        Ok(plans)
    }

    fn draft(claim: ClaimResult) -> Result<Drafted<C>, MessageOutcome> {
        let notification = claimed(claim)?;
        if notification.channel != Some(Self::CHANNEL.into()) {
            let detail =
                "the channel of the notification is not the channel of the queue of its message";
            let failure = Failure::new("wrong_channel", detail);
            return Err(MessageOutcome::DeadLetter(failure));
        }
        let draft = Draft::read(&notification);
        Ok(Drafted {
            notification,
            draft,
        })
    }

    /// Reads contacts, templates and earlier attempts, each for all notifications at once.
    async fn look_up<'d>(
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
            match &drafted.draft {
                Ok(Draft::Content(content)) if C::has_address(content) => {}
                // Only the rendered content shows whether it has an address.
                Ok(Draft::Content(_)) => {
                    users.insert(notification.user_id);
                }
                Ok(Draft::Template { wanted: one, .. }) => {
                    users.insert(notification.user_id);
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
            lookups.contacts = C::contacts(transaction, &users).await?;
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
    ) -> Plan<C> {
        let Drafted {
            notification,
            draft,
        } = drafted;
        let deferred_for = notification.deferred_for;
        let contacts = lookups.contacts.get(&notification.user_id);
        let known = KnownNotification {
            contacts: contacts.cloned().unwrap_or_default(),
            earlier: lookups.earlier.remove(&this.token).unwrap_or_default(),
            notification,
        };
        let next = match draft {
            Err(failure) => NextStep::Reject(failure.into()),
            Ok(Draft::Template { wanted, variables }) => {
                let mut found = lookups.templates.iter().filter(|(one, _)| *one == wanted);
                NextStep::Render {
                    template: found.next().and_then(|(_, template)| template.clone()),
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
                        return Plan::End(self.limit_deferral(result, deferred_for));
                    }
                    Admission::Admitted(admitted) => NextStep::Send(admitted, Vec::new()),
                },
            },
        };
        Plan::Claimed(Claimed { deferred_for, next })
    }

    /// Writes the rows of the attempts that begin, and ends the claims of those that do not.
    async fn carry_out(
        &self,
        transaction: &Transaction<'_>,
        requests: &[ClaimsRequest],
        plans: Vec<Plan<C>>,
    ) -> Result<Vec<ClaimsReply<C>>, DbError> {
        let (mut new, mut ends) = (Vec::new(), Vec::new());
        for (request, plan) in requests.iter().zip(&plans) {
            let (this, contacts, template): (_, Vec<_>, _) = match (request, plan) {
                (
                    ClaimsRequest::Begin {
                        this,
                        contacts,
                        template,
                    },
                    _,
                ) => (this, contacts.clone(), template.as_ref()),
                (
                    ClaimsRequest::Claim(this),
                    Plan::Claimed(Claimed {
                        next: NextStep::Send(admitted, _),
                        ..
                    }),
                ) => {
                    let contacts = admitted.sends.iter().map(|send| send.message.contact);
                    (this, contacts.collect(), admitted.template.as_ref())
                }
                (ClaimsRequest::Claim(this), Plan::End(result)) => {
                    ends.push(claim_end(
                        this.id,
                        this.token,
                        this.number,
                        &result.disposition,
                    ));
                    continue;
                }
                _ => continue,
            };
            new.extend(contacts.into_iter().map(|contact_id| NewAttempt {
                message_id: this.id,
                attempt: this.number,
                provider: self.provider.name(),
                contact_id,
                template,
                token: this.token,
            }));
        }
        notifications::end_claims(transaction, &ends, LockedRows::Wait).await?;
        let mut rows = delivery_attempts::begin(transaction, &new)
            .await?
            .into_iter();
        Ok(plans
            .into_iter()
            .map(|plan| plan.reply(&mut rows))
            .collect())
    }
}

impl ClaimsRequest {
    fn claim(&self) -> Option<ClaimRequest> {
        match self {
            Self::Claim(this) => Some(ClaimRequest {
                id: this.id,
                attempt: this.number,
                token: this.token,
            }),
            Self::Begin { .. } => None,
        }
    }
}

impl<C: DeliveryChannel> Plan<C> {
    /// Returns the reply. Takes its rows from `rows`, which are in the order of the group.
    fn reply(self, rows: &mut impl Iterator<Item = i64>) -> ClaimsReply<C> {
        match self {
            Self::Skip(outcome) => ClaimsReply::Skip(outcome),
            Self::End(result) => ClaimsReply::Ended {
                disposition: result.disposition,
                all_wait: result.all_wait,
            },
            Self::Claimed(mut claimed) => {
                if let NextStep::Send(admitted, own_rows) = &mut claimed.next {
                    own_rows.extend(rows.by_ref().take(admitted.sends.len()));
                }
                ClaimsReply::Claimed(Box::new(claimed))
            }
            Self::Begin(count) => ClaimsReply::Begun(rows.by_ref().take(count).collect()),
        }
    }
}
