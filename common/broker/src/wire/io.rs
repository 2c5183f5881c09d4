use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::error::Error;
use super::frame::A_HEARTBEAT;
use super::input::Input;
use super::parser::{Event, Parser};
use super::shared::Shared;

/// How often the task looks at the clock, at least.
const LOOK: Duration = Duration::from_secs(1);

/// How often it reads before it writes again.
const READS: usize = 4;

/// What a buffer that is written may keep of its memory.
const KEPT: usize = 1024 * 1024;

/// A connection's task: all that is read and written.
///
/// Reading never waits for writing, so a broker that has stopped reading from us is still heard.
#[derive(Debug)]
pub(super) struct Io<S> {
    stream: S,
    shared: Arc<Shared>,
    input: Input,
    parser: Parser,
    events: Vec<Event>,
    /// What is being written.
    writing: Vec<u8>,
    /// How much of it is.
    written: usize,
    /// Whether the stream, too, has nothing left to write.
    flushed: bool,
    clock: Clock,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Io<S> {
    pub(super) fn new(stream: S, shared: Arc<Shared>, heartbeat: Option<Duration>) -> Self {
        Self {
            stream,
            input: Input::new(),
            parser: Parser::new(shared.frame_max),
            events: Vec::new(),
            writing: Vec::new(),
            written: 0,
            flushed: true,
            clock: Clock::new(heartbeat),
            shared,
        }
    }

    /// Reads and writes as long as there is something to do.
    fn turn(&mut self, context: &mut Context<'_>) -> Result<(), Error> {
        let more = self.read(context)?;
        self.look_at_the_clock(context)?;
        self.write(context)?;
        if more {
            context.waker().wake_by_ref();
        }
        Ok(())
    }

    /// Tells whether there may be more.
    fn read(&mut self, context: &mut Context<'_>) -> Result<bool, Error> {
        for _ in 0..READS {
            let reading = Pin::new(&mut self.stream).poll_read(context, self.input.space());
            match reading? {
                Poll::Pending => return Ok(false),
                Poll::Ready(0) => return Err(Error::HungUp),
                Poll::Ready(count) => self.input.came(count),
            }
            self.clock.heard();
            let read = self.parser.read(self.input.unread(), &mut self.events);
            // What came before a mistake counts.
            self.shared.dispatch(&mut self.events)?;
            self.input.read(read?);
        }
        Ok(true)
    }

    fn write(&mut self, context: &mut Context<'_>) -> Result<(), Error> {
        loop {
            while self.written < self.writing.len() {
                let rest = &self.writing[self.written..];
                match Pin::new(&mut self.stream).poll_write(context, rest)? {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                    Poll::Ready(count) => self.written += count,
                }
                self.flushed = false;
                self.clock.spoke();
            }
            self.writing.clear();
            self.writing.shrink_to(KEPT);
            self.written = 0;
            self.shared.refill(&mut self.writing, context.waker());
            if self.writing.is_empty() {
                break;
            }
        }
        if !self.flushed {
            self.flushed = Pin::new(&mut self.stream).poll_flush(context)?.is_ready();
        }
        Ok(())
    }

    fn look_at_the_clock(&mut self, context: &mut Context<'_>) -> Result<(), Error> {
        while let Poll::Ready(now) = self.clock.poll(context) {
            self.shared.count_overdue(now);
            self.clock.check(now)?;
            // Behind half a frame there is no place for one, and what is on its way does as well.
            if self.clock.owes_a_word(now) && self.writing.is_empty() {
                self.writing.extend_from_slice(&A_HEARTBEAT);
            }
        }
        Ok(())
    }

    /// Answers a broker that has closed the connection, as well as that can be done without waiting.
    fn say_goodbye(&mut self, context: &mut Context<'_>) {
        let _ = self.write(context);
        let _ = Pin::new(&mut self.stream).poll_close(context);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Io<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.turn(context) {
            Ok(()) => Poll::Pending,
            Err(why) => {
                self.say_goodbye(context);
                self.shared.end(&why);
                Poll::Ready(())
            }
        }
    }
}

/// The heartbeats (AMQP 0-9-1 §4.2.7).
#[derive(Debug)]
struct Clock {
    ticks: Interval,
    heartbeat: Option<Duration>,
    last_heard: Instant,
    last_spoke: Instant,
}

impl Clock {
    fn new(heartbeat: Option<Duration>) -> Self {
        let mut ticks = interval(heartbeat.map_or(LOOK, |heartbeat| LOOK.min(heartbeat / 4)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            ticks,
            heartbeat,
            last_heard: Instant::now(),
            last_spoke: Instant::now(),
        }
    }

    fn heard(&mut self) {
        self.last_heard = Instant::now();
    }

    fn spoke(&mut self) {
        self.last_spoke = Instant::now();
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Instant> {
        ready!(self.ticks.poll_tick(context));
        Poll::Ready(Instant::now())
    }

    /// Whether the broker has been silent for too long.
    fn check(&self, now: Instant) -> Result<(), Error> {
        match self.heartbeat {
            Some(heartbeat) if now.duration_since(self.last_heard) > heartbeat * 2 => {
                Err(Error::Silent(heartbeat * 2))
            }
            _ => Ok(()),
        }
    }

    /// Whether the broker is to hear something of us.
    fn owes_a_word(&self, now: Instant) -> bool {
        self.heartbeat
            .is_some_and(|heartbeat| now.duration_since(self.last_spoke) >= heartbeat / 2)
    }
}

/// However the task ends, nobody may wait for it any longer.
impl<S> Drop for Io<S> {
    fn drop(&mut self) {
        self.shared.end(&Error::Closed);
    }
}
