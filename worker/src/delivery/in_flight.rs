use metrics::{Gauge, gauge};
use tidings_domain::notification::DeliveredChannel;

/// Counts the notifications of a channel that this process is sending.
pub(super) struct SendsInFlight(Gauge);

/// While this exists, one more is being sent.
pub(super) struct SendInFlight<'a>(&'a Gauge);

impl SendsInFlight {
    /// At most `limit` are sent at once.
    pub(super) fn new(channel: DeliveredChannel, limit: usize) -> Self {
        let channel = channel.as_str();
        let limit = f64::from(u32::try_from(limit).unwrap_or(u32::MAX));
        gauge!("tidings_sends_in_flight_limit", "channel" => channel).set(limit);
        let gauge = gauge!("tidings_sends_in_flight", "channel" => channel);
        gauge.set(0.0);
        Self(gauge)
    }

    pub(super) fn begin(&self) -> SendInFlight<'_> {
        self.0.increment(1.0);
        SendInFlight(&self.0)
    }
}

impl Drop for SendInFlight<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
