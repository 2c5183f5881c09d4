use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::api_client::{ApiClient, Exchange};
use super::request_context::RequestContext;
use crate::ledger::{CancelAnswer, Group, LedgerEntry};
use crate::rng::Rng;
use crate::timing::wait;

/// One in this many notifications is cancelled.
const SHARE: usize = 10;

/// The pause after a request without a response or with an unexpected one, in milliseconds.
const PAUSE: RangeInclusive<u64> = 100..=1_000;

/// The pause after an answer that the notification is being sent, in milliseconds. The lease of a killed worker takes some
/// of them to end.
const PAUSE_WHILE_SENT: RangeInclusive<u64> = 1_000..=6_000;

/// How often a notification that is being sent is cancelled again.
const AGAIN: u32 = 10;

/// When a notification is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CancelMoment {
    /// So long after its first POST began, whether it was answered or not. Only with a key, which determines its id.
    AfterPost(Duration),
    /// So long after its 202.
    AfterAnswer(Duration),
    /// So long after the second before its `sendAt`; after its 202 if it has none.
    AroundSendAt(Duration),
}

impl CancelMoment {
    /// Chooses whether and when a notification is cancelled.
    pub(super) fn draw(with_key: bool, rng: &mut Rng) -> Option<Self> {
        // All are drawn, so that the rest does not depend on them.
        let (is_cancelled, kind) = (rng.index(SHARE) == 0, rng.index(3));
        let (soon, around, late) = (
            rng.millis(0..=300),
            rng.millis(0..=3_000),
            rng.millis(0..=20_000),
        );
        let moment = match kind {
            0 if with_key => Self::AfterPost(soon),
            0 => Self::AfterAnswer(soon),
            1 => Self::AroundSendAt(around),
            _ => Self::AfterAnswer(late),
        };
        is_cancelled.then_some(moment)
    }

    /// Returns how long to wait after the 202.
    pub(super) fn pause_after_answer(self, send_at: Option<Timestamp>) -> Duration {
        match (self, send_at) {
            (Self::AfterPost(pause) | Self::AfterAnswer(pause), _)
            | (Self::AroundSendAt(pause), None) => pause,
            (Self::AroundSendAt(pause), Some(send_at)) => {
                let until = send_at.duration_since(Timestamp::now());
                let until = Duration::try_from(until).unwrap_or_default();
                (until + pause).saturating_sub(Duration::from_secs(1))
            }
        }
    }
}

/// What a request cancels.
#[derive(Clone, Copy, Debug)]
pub(super) enum CancelTarget {
    Notification(Uuid),
    Group(Group),
}

impl CancelTarget {
    fn attempt_entry(self) -> LedgerEntry {
        match self {
            Self::Notification(id) => LedgerEntry::Cancel { id },
            Self::Group(group) => LedgerEntry::CancelGroup { group },
        }
    }
}

/// The answer to a cancellation, and whether to repeat it.
struct Answer {
    entry: LedgerEntry,
    pause: Option<RangeInclusive<u64>>,
}

/// A cancellation that is repeated until it is answered.
pub(super) struct Cancellation {
    pub(super) target: CancelTarget,
    /// The pause before the first request.
    pub(super) pause: Duration,
    pub(super) rng: Rng,
}

impl Cancellation {
    /// Cancels after the pause, until there is an answer.
    pub(super) async fn cancel(mut self, context: Arc<RequestContext>) {
        let (mut pause, mut again) = (self.pause, AGAIN);
        loop {
            wait(pause).await;
            context.record(&self.target.attempt_entry());
            // Another API process may be available if the last one was not.
            let api = self.rng.index(context.apis.len());
            let range = match self.request(&context.apis[api]).await {
                Exchange::Answered(answer) => {
                    context.record(&answer.entry);
                    match answer.pause {
                        Some(pause) if again > 0 => {
                            again -= 1;
                            pause
                        }
                        _ => return,
                    }
                }
                Exchange::Refused(secs) => secs * 1_000..=secs * 1_000 + 1_000,
                Exchange::Nothing => PAUSE,
                Exchange::Wrong(what, text) => {
                    context.report_wrong(&format!("{what} to a cancellation"), &text);
                    PAUSE
                }
            };
            pause = self.rng.millis(range);
        }
    }

    async fn request(&self, api: &ApiClient) -> Exchange<Answer> {
        match self.target {
            CancelTarget::Notification(id) => api.cancel(id).await.map(|answer| Answer {
                entry: LedgerEntry::Cancelled { id, answer },
                pause: (answer == CancelAnswer::BeingSent).then_some(PAUSE_WHILE_SENT),
            }),
            CancelTarget::Group(group) => api.cancel_group(group).await.map(|answer| Answer {
                entry: LedgerEntry::GroupCancelled {
                    group,
                    cancelled: answer.cancelled,
                },
                pause: answer.maybe_more.then_some(PAUSE),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_tenth_is_cancelled_at_every_kind_of_moment() {
        let mut rng = Rng::new(1);
        let moments: Vec<_> = (0..20_000)
            .filter_map(|n| CancelMoment::draw(n % 2 == 0, &mut rng))
            .collect();
        assert!((1_800..2_200).contains(&moments.len()), "{}", moments.len());
        let kinds: [fn(&CancelMoment) -> bool; 3] = [
            |moment| matches!(moment, CancelMoment::AfterPost(_)),
            |moment| matches!(moment, CancelMoment::AfterAnswer(_)),
            |moment| matches!(moment, CancelMoment::AroundSendAt(_)),
        ];
        for kind in kinds {
            assert!(moments.iter().filter(|moment| kind(moment)).count() > 200);
        }
    }

    #[test]
    fn a_moment_around_the_time_of_sending_may_be_before_or_after_it() {
        let send_at = Timestamp::now() + SignedDuration::from_secs(3600);
        let pause = |millis| {
            let moment = CancelMoment::AroundSendAt(Duration::from_millis(millis));
            moment.pause_after_answer(Some(send_at))
        };
        let hour = Duration::from_hours(1);
        assert!(pause(0) + Duration::from_millis(900) < hour);
        assert!(pause(3_000) > hour);
        let past = CancelMoment::AroundSendAt(Duration::ZERO);
        let pause = past.pause_after_answer(Some(Timestamp::UNIX_EPOCH));
        assert_eq!(pause, Duration::ZERO);
    }
}
