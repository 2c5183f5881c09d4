//! Claims notifications and begins their attempts: one transaction for all messages that have arrived.

use std::time::Duration;

use jiff::Timestamp;
use tidings_db::delivery_attempts::{self, NewAttempt, UsedTemplate};
use tidings_db::notifications::{self, LockedRows};
use tidings_db::templates::TemplateRow;
use tidings_db::{DbError, Transaction, TransactionOptions};
use tidings_domain::content::{Object, TemplateRef};
use tokio::time::Instant;
use uuid::Uuid;

use super::admission::Admitted;
use super::attempt::AttemptResult;
use super::disposition::Disposition;
use super::group::{Asked, GroupRequest, GroupWork};
use super::prepare::{KnownNotification, Prepared, Unsendable};
use super::record::claim_end;
use super::{ClaimedAttempt, Delivery, DeliveryChannel};
use crate::consumer::{MessageOutcome, ProcessError};

/// What a message asks for.
pub(super) enum ClaimsRequest<C: DeliveryChannel> {
    /// To claim its notification, and to begin the attempt if that is possible now.
    Claim(Asked<ClaimedAttempt, ClaimReply<C>>),
    /// To begin the attempt for a notification that it has claimed. The reply contains the rows of the attempt in
    /// `delivery_attempts`.
    Begin(Asked<BeginRequest, Vec<i64>>),
}

/// An attempt to begin for a claimed notification.
pub(super) struct BeginRequest {
    pub(super) this: ClaimedAttempt,
    /// The contact of each send.
    pub(super) contacts: Vec<Option<Uuid>>,
    pub(super) template: Option<UsedTemplate>,
}

/// The reply to [`ClaimsRequest::Claim`].
pub(super) enum ClaimReply<C: DeliveryChannel> {
    /// The notification is not claimed, or not delivered by this stage.
    Skip(MessageOutcome),
    /// There is nothing to send, for example because all destinations have to wait. The claim has ended.
    Ended {
        disposition: Disposition,
        all_wait: bool,
    },
    /// The notification is claimed.
    Claimed(Box<Claimed<C>>),
}

/// A claimed notification.
pub(super) struct Claimed<C: DeliveryChannel> {
    /// How long the notification has been waiting for its destination.
    pub(super) deferred_for: Option<Duration>,
    /// Since when the notification could be sent.
    pub(super) due_at: Timestamp,
    /// No send begins at this time or later.
    pub(super) expires_at: Option<Instant>,
    /// Whether the payload must not get into errors.
    pub(super) sensitive: bool,
    pub(super) next: NextStep<C>,
}

/// How an attempt goes on after the claim.
pub(super) enum NextStep<C: DeliveryChannel> {
    /// The attempt has begun, with these rows in `delivery_attempts`.
    Send(Admitted<C::Message>, Vec<i64>),
    /// The destinations are busy: the message waits for a permit.
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

/// How a claim goes on. Becomes the reply once the rows are written.
pub(super) enum Plan<C: DeliveryChannel> {
    Skip(MessageOutcome),
    End(AttemptResult),
    Claimed(Box<Claimed<C>>),
}

/// Serves claims, and attempts that begin later.
pub(super) struct ClaimWork<'a, C: DeliveryChannel>(pub(super) &'a Delivery<C>);

/// The replies to the requests of each kind, in their order.
pub(super) struct Replies<C: DeliveryChannel> {
    claims: Vec<ClaimReply<C>>,
    begun: Vec<Vec<i64>>,
}

impl<C: DeliveryChannel> GroupRequest for ClaimsRequest<C> {
    fn fail(self, error: ProcessError) {
        match self {
            Self::Claim(asked) => asked.fail(error),
            Self::Begin(asked) => asked.fail(error),
        }
    }
}

impl<C: DeliveryChannel> GroupWork for ClaimWork<'_, C> {
    type Request = ClaimsRequest<C>;
    type Replies = Replies<C>;

    async fn gather(&self) {
        self.0.in_flight.quick_ones_end().await;
    }

    async fn run(&self, requests: &[ClaimsRequest<C>]) -> Result<Replies<C>, DbError> {
        let delivery = self.0;
        let (mut claims, mut begins) = (Vec::new(), Vec::new());
        for request in requests {
            match request {
                ClaimsRequest::Claim(asked) => claims.push(asked.request),
                ClaimsRequest::Begin(asked) => begins.push(&asked.request),
            }
        }
        Delivery::<C>::count_transaction("claim");
        let asked_at = Instant::now();
        delivery
            .database
            .transaction(TransactionOptions::default(), async |transaction| {
                let plans = delivery.plan(transaction, &claims, asked_at).await?;
                delivery
                    .carry_out(transaction, &claims, plans, &begins)
                    .await
            })
            .await
    }

    fn reply(requests: Vec<ClaimsRequest<C>>, replies: Replies<C>) {
        let mut claims = replies.claims.into_iter();
        let mut begun = replies.begun.into_iter();
        for request in requests {
            match request {
                ClaimsRequest::Claim(asked) => asked.reply_from(&mut claims),
                ClaimsRequest::Begin(asked) => asked.reply_from(&mut begun),
            }
        }
    }
}

impl<C: DeliveryChannel> Delivery<C> {
    /// Writes the rows of the attempts that begin, and ends the claims of those that do not. `plans` are those of `claims`.
    async fn carry_out(
        &self,
        transaction: &Transaction<'_>,
        claims: &[ClaimedAttempt],
        plans: Vec<Plan<C>>,
        begins: &[&BeginRequest],
    ) -> Result<Replies<C>, DbError> {
        let (mut new, mut ends) = (Vec::new(), Vec::new());
        for (this, plan) in claims.iter().zip(&plans) {
            match plan {
                Plan::Claimed(claimed) => {
                    if let NextStep::Send(admitted, _) = &claimed.next {
                        let contacts = admitted.sends.iter().map(|send| send.message.contact);
                        new.extend(self.new_attempts(*this, contacts, admitted.template.as_ref()));
                    }
                }
                Plan::End(result) => {
                    ends.push(claim_end(
                        this.id,
                        this.token,
                        this.number,
                        &result.disposition,
                    ));
                }
                Plan::Skip(_) => {}
            }
        }
        for begin in begins {
            let contacts = begin.contacts.iter().copied();
            new.extend(self.new_attempts(begin.this, contacts, begin.template.as_ref()));
        }
        notifications::end_claims(transaction, &ends, LockedRows::Wait).await?;
        // In the order of `new`.
        let rows = delivery_attempts::begin(transaction, &new).await?;
        let mut rows = rows.into_iter();
        Ok(Replies {
            claims: plans
                .into_iter()
                .map(|plan| plan.reply(&mut rows))
                .collect(),
            begun: begins
                .iter()
                .map(|begin| rows.by_ref().take(begin.contacts.len()).collect())
                .collect(),
        })
    }

    /// The rows of the sends of one attempt.
    fn new_attempts<'a>(
        &'a self,
        this: ClaimedAttempt,
        contacts: impl Iterator<Item = Option<Uuid>>,
        template: Option<&'a UsedTemplate>,
    ) -> impl Iterator<Item = NewAttempt<'a>> {
        contacts.map(move |contact_id| NewAttempt {
            message_id: this.id,
            attempt: this.number,
            provider: self.provider.name(),
            contact_id,
            template,
            token: this.token,
        })
    }
}

impl<C: DeliveryChannel> Plan<C> {
    /// Returns the reply. Takes the rows of its sends from `rows`.
    fn reply(self, rows: &mut impl Iterator<Item = i64>) -> ClaimReply<C> {
        match self {
            Self::Skip(outcome) => ClaimReply::Skip(outcome),
            Self::End(result) => ClaimReply::Ended {
                disposition: result.disposition,
                all_wait: result.all_wait,
            },
            Self::Claimed(mut claimed) => {
                if let NextStep::Send(admitted, own_rows) = &mut claimed.next {
                    own_rows.extend(rows.by_ref().take(admitted.sends.len()));
                }
                ClaimReply::Claimed(claimed)
            }
        }
    }
}
