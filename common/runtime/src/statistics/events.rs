//! What is counted, one function for each event. If there is a metric of the event, the function counts it too, so that
//! statistics and metrics cannot differ in their meaning.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use metrics::{Histogram, counter, gauge, histogram};
use tidings_domain::notification::Channel;
use tidings_domain::statistics::{Figure, Measure, Tally, minute_of};

use super::COUNTERS;

// Looked up once, because every notification needs them. Not before the recorder is installed.
static INTAKE_LAG: LazyLock<Histogram> = LazyLock::new(|| histogram!("tidings_intake_lag_seconds"));
static DELIVERY_LAG: LazyLock<[(Channel, Histogram); Channel::ALL.len()]> = LazyLock::new(|| {
    Channel::ALL.map(|channel| {
        let lag = histogram!("tidings_delivery_lag_seconds", "channel" => channel.as_str());
        (channel, lag)
    })
});

/// Makes the process export its histograms before there is anything to count.
pub(crate) fn register_metrics() {
    LazyLock::force(&INTAKE_LAG);
    LazyLock::force(&DELIVERY_LAG);
}

/// The API has accepted `n` notifications of a channel, stored by `by`.
pub fn accepted(channel: Channel, by: &'static str, n: u64) {
    counter!("tidings_notifications_accepted_total", "type" => channel.as_str(), "by" => by)
        .increment(n);
    if n > 0 {
        update(Measure::Accepted, Some(channel), "", |tally| tally.add(n));
    }
}

/// The API has refused a notification with the error `code`.
pub fn refused(code: &'static str) {
    update(Measure::Refused, None, code, |tally| tally.add(1));
}

/// The API could not store a notification, and has answered with the error `code`.
pub fn accept_failed(code: &'static str) {
    update(Measure::AcceptFailed, None, code, |tally| tally.add(1));
}

/// A notification was recorded that the API accepted at `accepted_at`.
pub fn recorded(channel: Channel, accepted_at: Timestamp) {
    let duration = since(accepted_at);
    INTAKE_LAG.record(duration);
    update(Measure::Recorded, Some(channel), "", |tally| {
        tally.observe(duration);
    });
}

/// A notification was recorded that nobody has sent to the API.
pub fn created(channel: Channel) {
    update(Measure::Recorded, Some(channel), "", |tally| tally.add(1));
}

/// A notification was delivered. It was due at `due_at`; `None` if that is not known.
pub fn delivered(channel: Channel, due_at: Option<Timestamp>) {
    let duration = due_at.map(since);
    let mut lags = DELIVERY_LAG.iter();
    if let (Some(duration), Some((_, lag))) = (duration, lags.find(|(its, _)| *its == channel)) {
        lag.record(duration);
    }
    update(
        Measure::Delivered,
        Some(channel),
        "",
        |tally| match duration {
            Some(duration) => tally.observe(duration),
            None => tally.add(1),
        },
    );
}

/// `n` in-app notifications were delivered that were scheduled.
pub fn released_in_app(n: u64) {
    if n > 0 {
        update(Measure::Delivered, Some(Channel::InApp), "", |tally| {
            tally.add(n);
        });
    }
}

/// A notification became `failed`.
pub fn failed(channel: Option<Channel>, reason: &'static str) {
    update(Measure::Failed, channel, reason, |tally| tally.add(1));
}

/// A notification became `suppressed`.
pub fn suppressed(channel: Channel, reason: &'static str) {
    update(Measure::Suppressed, Some(channel), reason, |tally| {
        tally.add(1);
    });
}

/// `n` notifications became `digested`.
pub fn digested(channel: Channel, n: u64) {
    if n > 0 {
        update(Measure::Digested, Some(channel), "", |tally| tally.add(n));
    }
}

/// `n` notifications became `expired`.
pub fn expired(channel: Option<Channel>, n: u64) {
    if n > 0 {
        update(Measure::Expired, channel, "", |tally| tally.add(n));
    }
}

/// A message became a dead letter.
pub fn dead_lettered(channel: Option<Channel>, reason: &'static str) {
    counter!("tidings_messages_dead_lettered_total", "reason" => reason).increment(1);
    update(Measure::DeadLettered, channel, reason, |tally| tally.add(1));
}

/// A message was sent up the ladder.
pub fn retried(channel: Option<Channel>, reason: &'static str) {
    counter!("tidings_messages_retried_total", "reason" => reason).increment(1);
    update(Measure::Retried, channel, reason, |tally| tally.add(1));
}

/// A message was deferred.
pub fn deferred(channel: Option<Channel>) {
    counter!("tidings_messages_deferred_total").increment(1);
    update(Measure::Deferred, channel, "", |tally| tally.add(1));
}

/// An attempt to deliver has ended.
pub fn attempted(
    channel: Channel,
    provider: &'static str,
    outcome: &'static str,
    duration: Duration,
) {
    let name = channel.as_str();
    counter!("tidings_delivery_attempts_total", "channel" => name, "provider" => provider, "outcome" => outcome)
        .increment(1);
    histogram!("tidings_delivery_seconds", "channel" => name, "provider" => provider)
        .record(duration);
    update(Measure::Attempts, Some(channel), outcome, |tally| {
        tally.observe(duration);
    });
}

/// The broker has said how many ready messages and consumers a queue has.
pub fn queue(queue: Cow<'static, str>, depth: u32, consumers: u32) {
    for (measure, value) in [(Measure::Depth, depth), (Measure::Consumers, consumers)] {
        // What is missing counts as zero.
        if value > 0 {
            update(measure, None, queue.clone(), |tally| {
                tally.sample(value.into());
            });
        }
    }
    gauge!("tidings_queue_depth", "queue" => queue.clone()).set(depth);
    gauge!("tidings_queue_consumers", "queue" => queue).set(consumers);
}

/// It is not known any more how many messages and consumers a queue has.
pub fn queue_unknown(queue: Cow<'static, str>) {
    gauge!("tidings_queue_depth", "queue" => queue.clone()).set(0);
    gauge!("tidings_queue_consumers", "queue" => queue).set(0);
}

fn update(
    measure: Measure,
    channel: Option<Channel>,
    label: impl Into<Cow<'static, str>>,
    change: impl FnOnce(&mut Tally),
) {
    let figure = Figure {
        minute: minute_of(Timestamp::now()),
        channel,
        measure,
        label: label.into(),
    };
    COUNTERS.update(figure, change);
}

/// The time since `start`. Zero if another process, whose clock is ahead, has set `start`.
fn since(start: Timestamp) -> Duration {
    Timestamp::now()
        .duration_since(start)
        .try_into()
        .unwrap_or_default()
}
