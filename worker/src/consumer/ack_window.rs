use std::collections::VecDeque;

/// Computes which messages of one AMQP channel can be acknowledged, and how: one `basic.ack` with `multiple` costs the broker
/// hardly more than that of a single message.
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
    /// Number of messages of the window that are being processed.
    unsettled: usize,
    /// The messages that became ready since acknowledgements were taken last.
    ready: Vec<u64>,
    /// The messages that were ready then, but waited for others before them.
    overdue: Vec<u64>,
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

/// Acknowledgements to send now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Acks {
    /// The delivery tag to acknowledge with `multiple`. The broker always still knows this tag: an unknown one would close the
    /// AMQP channel.
    pub(super) up_to: Option<u64>,
    /// Delivery tags to acknowledge individually, because a message before them is still being processed.
    pub(super) each: Vec<u64>,
}

impl AckWindow {
    /// Adds a delivered message.
    pub(super) fn add(&mut self, tag: u64) {
        debug_assert_eq!(tag, self.settled_up_to + self.window.len() as u64 + 1);
        self.window.push_back(TagState::Unsettled);
        self.unsettled += 1;
    }

    /// Records that a message may be acknowledged.
    pub(super) fn ack(&mut self, tag: u64) {
        self.settle(tag, TagState::ReadyToAck);
        self.ready.push(tag);
    }

    /// Records that a message is settled with the broker individually.
    pub(super) fn settled(&mut self, tag: u64) {
        self.settle(tag, TagState::Settled);
    }

    /// Whether a message is being processed.
    pub(super) const fn has_unsettled(&self) -> bool {
        self.unsettled > 0
    }

    /// Number of messages that wait to be acknowledged.
    pub(super) const fn waiting(&self) -> usize {
        self.ready.len() + self.overdue.len()
    }

    fn settle(&mut self, tag: u64, state: TagState) {
        if let Some(current) = self.state(tag) {
            debug_assert_eq!(*current, TagState::Unsettled, "settled once");
            *current = state;
            self.unsettled -= 1;
        }
    }

    /// The state of a message of the window.
    fn state(&mut self, tag: u64) -> Option<&mut TagState> {
        let index = tag.checked_sub(self.settled_up_to + 1)?;
        self.window.get_mut(usize::try_from(index).ok()?)
    }

    /// Returns the acknowledgements of messages that need not wait for others.
    pub(super) fn take_together(&mut self) -> Acks {
        let up_to = self.take_settled();
        let settled_up_to = self.settled_up_to;
        self.ready.retain(|tag| *tag > settled_up_to);
        self.overdue.retain(|tag| *tag > settled_up_to);
        Acks {
            up_to,
            each: Vec::new(),
        }
    }

    /// The same. Messages that had to wait for others at the last call, and still have to, are acknowledged individually.
    pub(super) fn take_overdue(&mut self) -> Acks {
        let together = self.take_together();
        let ready = std::mem::take(&mut self.ready);
        let each = std::mem::replace(&mut self.overdue, ready);
        for tag in &each {
            if let Some(state) = self.state(*tag) {
                *state = TagState::Settled;
            }
        }
        Acks { each, ..together }
    }

    /// The same for all messages, however short they have waited.
    pub(super) fn take_all(&mut self) -> Acks {
        self.overdue.append(&mut self.ready);
        self.take_overdue()
    }

    /// Removes the settled messages at the front. Returns the highest of their tags that the broker still knows, if any.
    fn take_settled(&mut self) -> Option<u64> {
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

    fn up_to(tag: u64) -> Acks {
        Acks {
            up_to: Some(tag),
            each: Vec::new(),
        }
    }

    #[test]
    fn an_unsettled_message_delays_the_acknowledgement_of_later_ones() {
        let mut window = window_with(4);
        for tag in [2, 3, 4] {
            window.ack(tag);
        }
        assert_eq!(window.take_together(), Acks::default());
        assert_eq!(window.take_together(), Acks::default());
        assert_eq!(window.waiting(), 3);
        window.ack(1);
        assert_eq!(window.take_together(), up_to(4));
        assert_eq!(window.take_together(), Acks::default());
        assert_eq!(window.waiting(), 0);
    }

    #[test]
    fn messages_that_have_waited_are_acknowledged_individually_and_only_once() {
        let mut window = window_with(5);
        for tag in [2, 4] {
            window.ack(tag);
        }
        assert_eq!(window.take_overdue(), Acks::default());
        window.ack(5);
        let overdue = window.take_overdue();
        assert_eq!((overdue.up_to, overdue.each), (None, vec![2, 4]));
        window.ack(1);
        // Not up to 2, which the broker no longer knows.
        let overdue = window.take_overdue();
        assert_eq!((overdue.up_to, overdue.each), (Some(1), vec![5]));
        assert!(window.has_unsettled());
        window.ack(3);
        assert_eq!(window.take_overdue(), up_to(3));
        assert!(!window.has_unsettled());
        assert_eq!(window.waiting(), 0);
    }

    #[test]
    fn all_messages_can_be_acknowledged_without_a_wait() {
        let mut window = window_with(5);
        for tag in [1, 3, 5] {
            window.ack(tag);
        }
        let all = window.take_all();
        assert_eq!((all.up_to, all.each), (Some(1), vec![3, 5]));
        assert_eq!(window.waiting(), 0);
        assert_eq!(window.take_all(), Acks::default());
    }

    #[test]
    fn the_tag_is_never_one_that_was_settled_individually() {
        let mut window = window_with(3);
        window.ack(1);
        window.settled(2);
        window.settled(3);
        assert_eq!(window.take_together(), up_to(1));
    }

    #[test]
    fn nothing_is_acknowledged_if_all_messages_were_settled_individually() {
        let mut window = window_with(2);
        window.settled(1);
        window.settled(2);
        assert_eq!(window.take_together(), Acks::default());
        window.add(3);
        window.ack(3);
        assert_eq!(window.take_together(), up_to(3));
    }
}
