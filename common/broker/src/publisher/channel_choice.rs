/// Chooses the channel of each message. Each channel is a process of its own in the broker, so publishes are spread
/// over several.
pub(super) struct ChannelChoice {
    count: usize,
    next: usize,
}

impl ChannelChoice {
    /// Chooses among `count` channels, at least one.
    pub(super) fn among(count: usize) -> Self {
        Self {
            count: count.max(1),
            next: 0,
        }
    }

    /// Moves on to the channel of the messages that belong to no batch.
    pub(super) const fn advance(&mut self) {
        self.next = (self.next + 1) % self.count;
    }

    /// Returns the index of a channel. All messages of a batch have the same one: only within a channel does a queue
    /// receive messages in the order in which they were published (AMQP 0-9-1 §4.7).
    pub(super) fn index(&self, batch: Option<usize>) -> usize {
        batch.map_or(self.next, |batch| batch % self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_stays_on_one_channel_and_everything_else_is_spread() {
        let mut choice = ChannelChoice::among(3);
        let [mut of_batch, mut of_next_batch, mut alone] = [const { Vec::new() }; 3];
        for _ in 0..6 {
            choice.advance();
            of_batch.push(choice.index(Some(7)));
            of_next_batch.push(choice.index(Some(8)));
            alone.push(choice.index(None));
        }
        assert_eq!((of_batch, of_next_batch), (vec![1; 6], vec![2; 6]));
        assert_eq!(alone, [1, 2, 0, 1, 2, 0]);
    }
}
