use lapin::protocol::{AMQPClass, basic, channel, connection};

use super::error::Error;
use super::method;
use super::parser::Event;
use super::publish::Settled;
use super::shared::{Line, Shared, State, Status, Work};

/// What the broker said that is over for the connection's state, but not for everybody.
#[derive(Debug, Default)]
pub(super) struct Aftermath {
    settled: Vec<Settled>,
    /// Channels that are gone, and why.
    gone: Vec<(Line, Error)>,
}

impl Shared {
    /// Brings what the broker has said to whom it is for.
    pub(super) fn dispatch(&self, events: &mut Vec<Event>) -> Result<(), Error> {
        let mut aftermath = Aftermath::default();
        let mut state = self.lock();
        let done = events.drain(..).try_for_each(|event| match event {
            Event::Confirm { channel, confirm } => match state.work(channel) {
                Some(Work::Publishing(publishing)) => {
                    publishing.settle(confirm, &mut aftermath.settled)
                }
                _ => Ok(()),
            },
            Event::Deliveries { channel, all } => {
                if let Some(Work::Consuming(deliveries)) = state.work(channel) {
                    // Nobody reads them where the channel is about to be closed, which gives them back.
                    let _ = deliveries.send(Ok(all));
                }
                Ok(())
            }
            Event::Method {
                channel: 0,
                class: AMQPClass::Connection(method),
            } => self.connection_method(&mut state, method),
            Event::Method { channel, class } => {
                state.channel_method(channel, class, &mut aftermath.gone)
            }
        });
        // Whoever is woken finds the lock free.
        drop(state);
        aftermath.settled.into_iter().for_each(Settled::tell);
        for (line, why) in aftermath.gone {
            line.end(&why);
        }
        done
    }

    fn connection_method(
        &self,
        state: &mut State,
        method: connection::AMQPMethod,
    ) -> Result<(), Error> {
        use connection::AMQPMethod::{Blocked, Close, CloseOk, Unblocked};
        match method {
            Blocked(_) => {
                state.set_blocked(true);
                self.status().send_replace(Status::Blocked);
                Ok(())
            }
            Unblocked(_) => {
                state.set_blocked(false);
                self.status().send_replace(Status::Open);
                Ok(())
            }
            Close(close) => {
                let close_ok = AMQPClass::Connection(CloseOk(connection::CloseOk {}));
                method::write(&mut state.out, 0, &close_ok);
                Err(Error::ConnectionClosed {
                    code: close.reply_code,
                    text: close.reply_text.to_string(),
                })
            }
            CloseOk(_) => Err(Error::Closed),
            _ => Err(Error::Protocol("a method out of turn")),
        }
    }
}

impl State {
    fn work(&mut self, channel: u16) -> Option<&mut Work> {
        self.lines.get_mut(&channel).map(|line| &mut line.work)
    }

    fn set_blocked(&self, blocked: bool) {
        for line in self.lines.values() {
            if let Work::Publishing(publishing) = &line.work {
                publishing.set_blocked(blocked);
            }
        }
    }

    fn channel_method(
        &mut self,
        id: u16,
        class: AMQPClass,
        gone: &mut Vec<(Line, Error)>,
    ) -> Result<(), Error> {
        match class {
            AMQPClass::Channel(channel::AMQPMethod::Close(close)) => {
                let close_ok = channel::AMQPMethod::CloseOk(channel::CloseOk {});
                method::write(&mut self.out, id, &AMQPClass::Channel(close_ok));
                let why = Error::ChannelClosed {
                    code: close.reply_code,
                    text: close.reply_text.to_string(),
                };
                let Some(line) = self.lines.remove(&id) else {
                    return Ok(());
                };
                // A connection that publishes is of no use without all of its channels.
                let publishing = matches!(line.work, Work::Publishing(_));
                gone.push((line, why.clone()));
                if publishing { Err(why) } else { Ok(()) }
            }
            AMQPClass::Channel(channel::AMQPMethod::CloseOk(ok)) => {
                if let Some(mut line) = self.lines.remove(&id) {
                    // Whoever asked for it did so last.
                    if let Some(caller) = line.callers.pop_back() {
                        let answer = channel::AMQPMethod::CloseOk(ok);
                        let _ = caller.send(Ok(AMQPClass::Channel(answer)));
                    }
                    gone.push((line, Error::Closed));
                }
                Ok(())
            }
            AMQPClass::Basic(basic::AMQPMethod::Cancel(_)) => {
                if let Some(line) = self.lines.get_mut(&id)
                    && let Work::Consuming(deliveries) = std::mem::take(&mut line.work)
                {
                    let _ = deliveries.send(Err(Error::Cancelled));
                }
                Ok(())
            }
            answer => self.answer(id, answer),
        }
    }

    fn answer(&mut self, id: u16, answer: AMQPClass) -> Result<(), Error> {
        // One that is gone may have asked before.
        let Some(line) = self.lines.get_mut(&id) else {
            return Ok(());
        };
        let Some(caller) = line.callers.pop_front() else {
            return Err(Error::Protocol("an answer that nobody asked for"));
        };
        // Whoever asked may have lost patience.
        let _ = caller.send(Ok(answer));
        Ok(())
    }
}
