//! The limits of users and of categories, at the claim.

use metrics::counter;
use tidings_db::{DbError, Transaction, notifications};
use tidings_domain::decision::{Candidate, Decision, decide};
use tidings_domain::notification::MessageId;

use super::claim_plan::Drafted;
use super::{ClaimedAttempt, Delivery, DeliveryChannel};
use crate::consumer::MessageOutcome;

impl<C: DeliveryChannel> Delivery<C> {
    /// Takes slots for the notifications that would be sent now, and decides again about those that get none. `drafted` are
    /// those of `claims`.
    pub(super) async fn apply_user_limit(
        &self,
        transaction: &Transaction<'_>,
        claims: &[ClaimedAttempt],
        drafted: &mut [Result<Drafted<C>, MessageOutcome>],
    ) -> Result<(), DbError> {
        let limit = *self.settings.user_limits.get(Self::CHANNEL);
        let needs_slot = |(this, one): (&ClaimedAttempt, &Result<Drafted<C>, _>)| {
            let one = one.as_ref().ok()?;
            let sends = one.decision == Decision::Send && one.draft.is_ok();
            let category = one.notification.category.as_ref();
            let is_limited = limit.is_some() || category.is_some_and(|it| it.is_throttled);
            (sends && is_limited && one.notification.user_id.is_some()).then_some(this.id)
        };
        let ids: Vec<MessageId> = claims
            .iter()
            .zip(&*drafted)
            .filter_map(needs_slot)
            .collect();
        let without = notifications::take_slots(transaction, Self::CHANNEL, limit, &ids).await?;
        if without.is_empty() {
            return Ok(());
        }
        for (this, one) in claims.iter().zip(drafted) {
            let (Ok(one), Some(state)) = (one, without.get(&this.id)) else {
                continue;
            };
            let candidate = Candidate {
                limit: *state,
                ..one.candidate
            };
            one.decision = decide(candidate, one.notification.now);
            Self::count_throttled(one.decision);
        }
        Ok(())
    }

    fn count_throttled(decision: Decision) {
        let result = match decision {
            Decision::Suppress { .. } => "suppressed",
            _ => "held",
        };
        let channel = Self::CHANNEL.as_str();
        counter!("tidings_user_limit_exceeded_total", "channel" => channel, "result" => result)
            .increment(1);
    }
}
