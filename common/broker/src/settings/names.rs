use tidings_domain::notification::DeliveredChannel;
use tidings_domain::retry::Ladder;
use tidings_settings::{Reader, Setting, table};

/// The names that one installation uses on the broker, so that several can share a virtual host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopologyNames {
    /// `QUEUE_NAME`: the intake queue, and the prefix of all queues except the dead-letter queue.
    pub queue: String,
    /// `DLQ_NAME`: the dead-letter queue.
    pub dlq: String,
    /// `EXCHANGE_NAME`: the exchange, and the prefix of all exchanges.
    pub exchange: String,
}

impl TopologyNames {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let names = Self {
            queue: name(reader, table::QUEUE_NAME),
            dlq: name(reader, table::DLQ_NAME),
            exchange: name(reader, table::EXCHANGE_NAME),
        };
        if names.queue == names.dlq {
            reader.problem(table::DLQ_NAME, "must differ from QUEUE_NAME");
        }
        names
    }

    /// The queue of a channel's delivery stage.
    #[must_use]
    pub fn channel_queue(&self, channel: DeliveredChannel) -> String {
        format!("{}.{channel}", self.queue)
    }

    /// The delay queue of rung `n` of `ladder`.
    #[must_use]
    pub fn retry_queue(&self, ladder: &Ladder, n: u32) -> String {
        format!("{}.retry.{ladder}.{n}", self.queue)
    }

    /// The direct exchange in front of the ladders.
    #[must_use]
    pub fn retry_exchange(&self) -> String {
        format!("{}.retry", self.exchange)
    }

    /// The direct exchange to which other programs publish events.
    #[must_use]
    pub fn events_exchange(&self) -> String {
        format!("{}.events", self.exchange)
    }

    /// The fanout exchange for wakes of inboxes.
    #[must_use]
    pub fn wakes_exchange(&self) -> String {
        format!("{}.wakes", self.exchange)
    }

    /// The fanout exchange for messages that cannot be routed.
    #[must_use]
    pub fn unrouted_exchange(&self) -> String {
        format!("{}.unrouted", self.exchange)
    }

    /// The fanout exchange of a wait time, and its delay queue.
    #[must_use]
    pub fn wait(&self, label: &str) -> String {
        format!("{}.wait.{label}", self.exchange)
    }
}

/// Reads the name of a queue or an exchange. AMQP 0-9-1 allows 255 bytes, of which the suffix `.retry.<ladder>.<n>` takes
/// up to 60.
fn name(reader: &mut Reader, setting: &Setting) -> String {
    let value: String = reader.value(setting);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if value.len() > 190 || !value.chars().all(plain) {
        reader.problem(
            setting,
            "must be at most 190 letters, digits, '-', '_', '.' or ':'",
        );
    } else if value.starts_with("amq.") {
        reader.problem(
            setting,
            "must not start with 'amq.', which the broker reserves",
        );
    }
    value
}
