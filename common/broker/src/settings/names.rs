use tidings_domain::notification::DeliveredChannel;
use tidings_domain::retry::Ladder;
use tidings_settings::Reader;

/// The names that one installation uses on the broker, so that several can share a virtual host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// `QUEUE_NAME`, default `notifications_queue`: the intake queue, and the prefix of all queues
    /// but the dead-letter queue.
    pub queue: String,
    /// `DLQ_NAME`, default `notifications_dlq`.
    pub dlq: String,
    /// `EXCHANGE_NAME`, default `notifications`: the exchange, and the prefix of all exchanges.
    pub exchange: String,
}

impl Names {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let names = Self {
            queue: name(reader, "QUEUE_NAME", "notifications_queue"),
            dlq: name(reader, "DLQ_NAME", "notifications_dlq"),
            exchange: name(reader, "EXCHANGE_NAME", "notifications"),
        };
        if names.queue == names.dlq {
            reader.problem("DLQ_NAME", "must differ from QUEUE_NAME");
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

    /// The direct exchange that leads onto the ladders.
    #[must_use]
    pub fn retry_exchange(&self) -> String {
        format!("{}.retry", self.exchange)
    }

    /// The fanout exchange for whatever found no queue.
    #[must_use]
    pub fn unrouted_exchange(&self) -> String {
        format!("{}.unrouted", self.exchange)
    }

    /// The fanout exchange, and the delay queue behind it, of one waiting time.
    #[must_use]
    pub fn wait(&self, label: &str) -> String {
        format!("{}.wait.{label}", self.exchange)
    }
}

/// Reads the name of a queue or an exchange. AMQP 0-9-1 allows 255 bytes; what we append to it
/// (`.retry.<ladder>.<n>`) takes up to 60.
fn name(reader: &mut Reader, variable: &'static str, default: &str) -> String {
    let value = reader.or(variable, default.to_owned());
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if value.len() > 190 || !value.chars().all(plain) {
        reader.problem(
            variable,
            "must be at most 190 letters, digits, '-', '_', '.' or ':'",
        );
    } else if value.starts_with("amq.") {
        reader.problem(
            variable,
            "must not start with 'amq.', which the broker reserves",
        );
    }
    value
}
