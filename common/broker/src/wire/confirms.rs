use std::collections::VecDeque;

use super::error::Error;
use super::method::Confirm;

/// The messages published on one channel that wait for their confirm, by their number: they count from
/// 1 in the order of their publishing (RabbitMQ's extension "publisher confirms").
#[derive(Debug)]
pub(super) struct Confirms<T> {
    /// The number of the first slot.
    first: u64,
    /// `None` where the confirm has come, and that of an earlier message has not.
    slots: VecDeque<Option<T>>,
}

impl<T> Default for Confirms<T> {
    fn default() -> Self {
        Self {
            first: 1,
            slots: VecDeque::new(),
        }
    }
}

impl<T> Confirms<T> {
    /// Notes the next message.
    pub(super) fn push(&mut self, slot: T) {
        self.slots.push_back(Some(slot));
    }

    /// Those that wait.
    pub(super) fn waiting(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().flatten()
    }

    /// Hands the slots that a confirm is for to `settled`.
    pub(super) fn settle(
        &mut self,
        confirm: Confirm,
        mut settled: impl FnMut(T),
    ) -> Result<(), Error> {
        let Confirm { tag, multiple, .. } = confirm;
        let sent = self.first + self.slots.len() as u64;
        // AMQP 0-9-1 has 0 stand for all with `multiple`.
        let after = match tag {
            0 if multiple => sent,
            tag => tag.saturating_add(1),
        };
        if after > sent {
            return Err(Error::Protocol("a confirm of what was not published"));
        }
        // Where it is below, it has been confirmed before.
        let count = usize::try_from(after.saturating_sub(self.first)).unwrap_or(usize::MAX);
        if multiple {
            self.slots.drain(..count).flatten().for_each(settled);
            self.first += count as u64;
            return Ok(());
        }
        if let Some(place) = count.checked_sub(1) {
            self.slots[place].take().into_iter().for_each(&mut settled);
        }
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 1;
        }
        Ok(())
    }
}
