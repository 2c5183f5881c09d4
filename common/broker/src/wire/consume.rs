use std::vec;

use lapin::types::ShortString;
use tokio::sync::mpsc;

use super::error::Error;
use super::parser::Delivery;

/// The messages that a consumer is handed. They come in as many as one reading brings; those that
/// nobody has taken yet are bounded by the channel's prefetch count.
#[derive(Debug)]
pub struct Deliveries {
    arriving: mpsc::UnboundedReceiver<Result<Vec<Delivery>, Error>>,
    arrived: vec::IntoIter<Delivery>,
    /// Why nothing more will come.
    end: Option<Error>,
    consumer_tag: ShortString,
}

impl Deliveries {
    pub(super) fn new(
        arriving: mpsc::UnboundedReceiver<Result<Vec<Delivery>, Error>>,
        consumer_tag: ShortString,
    ) -> Self {
        Self {
            arriving,
            arrived: Vec::new().into_iter(),
            end: None,
            consumer_tag,
        }
    }

    /// What the broker calls the consumer.
    pub(super) const fn consumer_tag(&self) -> &ShortString {
        &self.consumer_tag
    }

    /// Waits until [`Self::pop`] has something. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// Where nothing will come any more.
    pub async fn ready(&mut self) -> Result<(), Error> {
        while self.arrived.as_slice().is_empty() {
            if let Some(end) = &self.end {
                return Err(end.clone());
            }
            let arrived = self.arriving.recv().await;
            self.take_in(arrived.unwrap_or(Err(Error::Closed)));
        }
        Ok(())
    }

    /// The next message, where it is here already. That nothing will come any more is said by
    /// [`Self::ready`].
    pub fn pop(&mut self) -> Option<Delivery> {
        if self.arrived.as_slice().is_empty()
            && let Ok(arrived) = self.arriving.try_recv()
        {
            self.take_in(arrived);
        }
        self.arrived.next()
    }

    fn take_in(&mut self, arrived: Result<Vec<Delivery>, Error>) {
        match arrived {
            Ok(all) => self.arrived = all.into_iter(),
            Err(end) => self.end = Some(end),
        }
    }
}
