use std::collections::VecDeque;

/// Computes how many messages of one AMQP channel a single `basic.ack` with `multiple` may acknowledge.
///
/// Such an acknowledgement covers every message up to its delivery tag, so the tag may only be the highest one
/// below which every message is settled. Delivery tags count from 1 on each AMQP channel, without gaps
/// (AMQP 0-9-1 §4.4, "delivery-tag").
#[derive(Debug, Default)]
pub(super) struct AckWindow {
    /// All messages up to this delivery tag are settled.
    settled_up_to: u64,
    /// The messages with the next delivery tags, in order.
    window: VecDeque<TagState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TagState {
    /// The message is being processed.
    Unsettled,
    /// The message may be acknowledged together with others.
    ReadyToAck,
    /// The message was acknowledged or negatively acknowledged individually: the broker no longer knows the
    /// tag.
    Settled,
}

impl AckWindow {
    /// Adds a delivered message.
    pub(super) fn add(&mut self, tag: u64) {
        debug_assert_eq!(tag, self.settled_up_to + self.window.len() as u64 + 1);
        self.window.push_back(TagState::Unsettled);
    }

    /// Records that a message may be acknowledged.
    pub(super) fn ack(&mut self, tag: u64) {
        self.set(tag, TagState::ReadyToAck);
    }

    /// Records that a message is settled with the broker individually.
    pub(super) fn settled(&mut self, tag: u64) {
        self.set(tag, TagState::Settled);
    }

    fn set(&mut self, tag: u64, state: TagState) {
        let index = tag
            .checked_sub(self.settled_up_to + 1)
            .and_then(|index| usize::try_from(index).ok());
        if let Some(current) = index.and_then(|index| self.window.get_mut(index)) {
            debug_assert_eq!(*current, TagState::Unsettled, "settled once");
            *current = state;
        }
    }

    /// Returns the delivery tag to acknowledge with `multiple` now, if any. The broker always still knows this
    /// tag: an unknown one would close the AMQP channel.
    pub(super) fn take_ack(&mut self) -> Option<u64> {
        let mut highest = None;
        while let Some(state) = self
            .window
            .front()
            .copied()
            .filter(|state| *state != TagState::Unsettled)
        {
            self.window.pop_front();
            self.settled_up_to += 1;
            if state == TagState::ReadyToAck {
                highest = Some(self.settled_up_to);
            }
        }
        highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window_with(tags: u64) -> AckWindow {
        let mut window = AckWindow::default();
        (1..=tags).for_each(|tag| window.add(tag));
        window
    }

    #[test]
    fn an_unsettled_message_delays_the_acknowledgement_of_later_ones() {
        let mut window = window_with(4);
        for tag in [2, 3, 4] {
            window.ack(tag);
        }
        assert_eq!(window.take_ack(), None);
        window.ack(1);
        assert_eq!(window.take_ack(), Some(4));
        assert_eq!(window.take_ack(), None);
    }

    #[test]
    fn the_tag_is_never_one_that_was_settled_individually() {
        let mut window = window_with(3);
        window.ack(1);
        window.settled(2);
        window.settled(3);
        assert_eq!(window.take_ack(), Some(1));
    }

    #[test]
    fn nothing_is_acknowledged_if_all_messages_were_settled_individually() {
        let mut window = window_with(2);
        window.settled(1);
        window.settled(2);
        assert_eq!(window.take_ack(), None);
        window.add(3);
        window.ack(3);
        assert_eq!(window.take_ack(), Some(3));
    }
}
