use std::collections::VecDeque;

/// What became of the messages that one AMQP channel handed over, so that as many as possible are
/// acknowledged by one `basic.ack` with `multiple`.
///
/// Such an acknowledgement reaches everything up to its delivery tag, so it may go only up to the
/// highest tag below which everything is settled. Delivery tags count from 1 on each channel, without
/// gaps (AMQP 0-9-1 §4.4, "delivery-tag").
#[derive(Debug, Default)]
pub(super) struct AckWindow {
    /// All tags up to this one are settled with the broker.
    settled_up_to: u64,
    /// The tags behind that, in order.
    behind: VecDeque<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Being worked on.
    Open,
    /// To be acknowledged.
    Acked,
    /// Acknowledged or negatively acknowledged by itself and already: the broker knows the tag no more.
    Told,
}

impl AckWindow {
    /// Notes a message that was handed over.
    pub(super) fn handed_over(&mut self, tag: u64) {
        debug_assert_eq!(tag, self.settled_up_to + self.behind.len() as u64 + 1);
        self.behind.push_back(State::Open);
    }

    /// Notes a message that may be acknowledged.
    pub(super) fn ack(&mut self, tag: u64) {
        self.settle(tag, State::Acked);
    }

    /// Notes a message that the broker was told of by itself.
    pub(super) fn told(&mut self, tag: u64) {
        self.settle(tag, State::Told);
    }

    fn settle(&mut self, tag: u64, state: State) {
        let place = tag
            .checked_sub(self.settled_up_to + 1)
            .and_then(|place| usize::try_from(place).ok());
        if let Some(open) = place.and_then(|place| self.behind.get_mut(place)) {
            debug_assert_eq!(*open, State::Open, "settled once");
            *open = state;
        }
    }

    /// The tag to acknowledge with `multiple` now, where there is one. It is always one that the
    /// broker still waits for: an unknown tag would close the channel.
    pub(super) fn take_ack(&mut self) -> Option<u64> {
        let mut highest = None;
        while let Some(state) = self
            .behind
            .front()
            .copied()
            .filter(|state| *state != State::Open)
        {
            self.behind.pop_front();
            self.settled_up_to += 1;
            if state == State::Acked {
                highest = Some(self.settled_up_to);
            }
        }
        highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(tags: u64) -> AckWindow {
        let mut window = AckWindow::default();
        (1..=tags).for_each(|tag| window.handed_over(tag));
        window
    }

    #[test]
    fn an_open_message_holds_back_what_came_after_it() {
        let mut window = with(4);
        for tag in [2, 3, 4] {
            window.ack(tag);
        }
        assert_eq!(window.take_ack(), None);
        window.ack(1);
        assert_eq!(window.take_ack(), Some(4));
        assert_eq!(window.take_ack(), None);
    }

    #[test]
    fn the_tag_is_never_one_that_was_told() {
        let mut window = with(3);
        window.ack(1);
        window.told(2);
        window.told(3);
        assert_eq!(window.take_ack(), Some(1));
    }

    #[test]
    fn nothing_is_acknowledged_where_all_was_told() {
        let mut window = with(2);
        window.told(1);
        window.told(2);
        assert_eq!(window.take_ack(), None);
        window.handed_over(3);
        window.ack(3);
        assert_eq!(window.take_ack(), Some(3));
    }
}
