use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation, Connection, Event};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::channel_choice::ChannelChoice;
use super::in_flight::InFlight;
use super::liveness::{Liveness, Suspicion};
use super::message_limit::MessageLimit;
use super::request::Request;
use crate::addresses::Address;
use crate::connection::{FRAME_MAX, disconnect};
use crate::connector::{self, Connector, Opened, SETUP_TIMEOUT};
use crate::message::Outgoing;
use crate::publish_error::PublishError;
use crate::settings::BrokerSettings;

/// Time limit for a node to open a channel, which involves no queue.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// How often late confirms are counted and the state of the connection is checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Most requests that are taken from the queue at once.
const MAX_REQUESTS: usize = 256;

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Connect(#[from] connector::OpenError),
    #[error("cannot open a channel with publisher confirms: {0}")]
    Channel(#[from] lapin::Error),
    #[error("RabbitMQ opens no channels within {} s", SETUP_TIMEOUT.as_secs())]
    TimedOut,
}

/// A change of the connection that does not end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The broker has raised a memory or disk alarm.
    Blocked,
    /// The alarm is over.
    Unblocked,
}

/// One connection that publishes, from its opening to its end. It never recovers: the supervisor opens
/// another.
pub(super) struct PublishingConnection {
    connection: Arc<Connection>,
    node: Address,
    channels: Vec<Arc<Channel>>,
    channel_choice: ChannelChoice,
    publish_timeout: Duration,
    frame_max: usize,
    liveness: Liveness,
    in_flight: InFlight,
    /// Set when the broker has returned a message that no queue gets.
    returned: Arc<AtomicBool>,
}

impl PublishingConnection {
    /// Opens a connection and the channels on it.
    pub(super) async fn open(
        connector: &Connector,
        settings: &BrokerSettings,
    ) -> Result<Self, OpenError> {
        let Opened {
            connection,
            node,
            declared,
        } = connector.open().await?;
        for object in declared.drifted {
            tracing::warn!(
                object,
                "exists on the broker with other arguments and is used as it is; see `tidings doctor`"
            );
        }
        if !declared.not_permitted.is_empty() {
            tracing::warn!(
                objects = declared.not_permitted.join(", "),
                "the user may not declare these; they exist and are used as they are"
            );
        }
        let opening = open_channels(&connection, settings.publish_channels);
        let channels = match timeout(SETUP_TIMEOUT, opening).await {
            Ok(Ok(channels)) => channels,
            failed => {
                disconnect(&connection).await;
                connector.avoid(&node);
                return Err(match failed {
                    Ok(Err(error)) => OpenError::Channel(error),
                    _ => OpenError::TimedOut,
                });
            }
        };
        let frame_max = match connection.configuration().frame_max() {
            0 => FRAME_MAX,
            negotiated => negotiated,
        };
        Ok(Self {
            connection: Arc::new(connection),
            node,
            channel_choice: ChannelChoice::among(channels.len()),
            channels,
            publish_timeout: settings.publish_timeout,
            frame_max: usize::try_from(frame_max).unwrap_or(usize::MAX),
            liveness: Liveness::new(),
            in_flight: InFlight::default(),
            returned: connector.returned(),
        })
    }

    pub(super) const fn node(&self) -> &Address {
        &self.node
    }

    pub(super) const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Publishes what `requests` hands over until the connection ends, and returns the reason in words.
    ///
    /// This task alone calls `basic_publish`: lapin takes the number of a confirm and queues the frames
    /// under two locks, so that two threads on one channel could swap their confirms.
    pub(super) async fn serve(
        &mut self,
        requests: &mut mpsc::UnboundedReceiver<Request>,
        limit: MessageLimit,
        mut report: impl FnMut(Notice),
    ) -> String {
        let mut events = pin!(self.connection.events_listener());
        let mut confirms = FuturesUnordered::new();
        let mut taken = Vec::with_capacity(MAX_REQUESTS);
        let mut check = interval(CHECK_INTERVAL);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                Some((number, confirm)) = confirms.next(), if !confirms.is_empty() => {
                    if let Err(reason) = self.settle(number, confirm) {
                        return reason;
                    }
                    // The others that are there, without asking for everything else in between.
                    while let Some(Some((number, confirm))) = confirms.next().now_or_never() {
                        if let Err(reason) = self.settle(number, confirm) {
                            return reason;
                        }
                    }
                }
                count = requests.recv_many(&mut taken, MAX_REQUESTS) => {
                    if count == 0 {
                        return "nobody publishes any more".to_owned();
                    }
                    self.channel_choice.advance();
                    for request in taken.drain(..) {
                        let channel = &self.channels[self.channel_choice.index(request.batch)];
                        let channel = Arc::clone(channel);
                        if let Some((number, message)) = self.in_flight.begin(request, self.frame_max, limit) {
                            // In a box, because a `FuturesUnordered` moves what is pushed, which is large here.
                            confirms.push(Box::pin(publish(channel, number, message)));
                        }
                    }
                }
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(_)) => {
                        self.liveness.set_blocked(true);
                        report(Notice::Blocked);
                    }
                    Some(Event::ConnectionUnblocked) => {
                        self.liveness.set_blocked(false);
                        report(Notice::Unblocked);
                    }
                    Some(Event::Error(error)) => return error.to_string(),
                    Some(_) => {}
                    None => return "the connection is gone".to_owned(),
                },
                _ = check.tick() => {
                    if let Err(reason) = self.check().await {
                        return reason;
                    }
                }
            }
        }
    }

    /// Tells the publisher of a message how it ended. Returns the reason if the connection must end.
    fn settle(&mut self, number: u64, confirm: lapin::Result<Confirmation>) -> Result<(), String> {
        let result = match confirm {
            Ok(Confirmation::Ack(None)) => Ok(()),
            Ok(Confirmation::Ack(Some(_))) => {
                self.returned.store(true, Ordering::Relaxed);
                Err(PublishError::Unroutable)
            }
            Ok(_) => Err(PublishError::Refused),
            Err(error) => return Err(error.to_string()),
        };
        // A connection on which the broker returns messages works.
        let works = result != Err(PublishError::Refused);
        let in_time = self.in_flight.settle(number, result);
        if in_time && self.liveness.confirmed(works).is_some() {
            return Err("too many publishes in a row failed".to_owned());
        }
        Ok(())
    }

    /// Counts late confirms and checks the state of the connection. Returns the reason if the connection must end.
    async fn check(&mut self) -> Result<(), String> {
        let late = self
            .in_flight
            .count_late(Instant::now(), self.publish_timeout);
        let suspicion = self.liveness.timed_out(late);
        if !self.is_open() {
            return Err("the connection or a channel is closed".to_owned());
        }
        match suspicion {
            Some(Suspicion::LastingTimeouts) => Err("publishes keep timing out".to_owned()),
            Some(_) if !self.answers().await => Err("the node does not answer".to_owned()),
            _ => Ok(()),
        }
    }

    fn is_open(&self) -> bool {
        let channels = || {
            self.channels
                .iter()
                .all(|channel| channel.status().connected())
        };
        self.connection.status().connected() && channels()
    }

    /// Whether the node answers, whatever its queues do. Faster than the heartbeat.
    async fn answers(&self) -> bool {
        let opened = timeout(PROBE_TIMEOUT, self.connection.create_channel()).await;
        opened.is_ok_and(|channel| channel.is_ok())
    }

    /// Fails the publishes in flight and closes the connection.
    pub(super) async fn end(mut self, reason: &str) {
        self.in_flight.fail(reason);
        disconnect(&self.connection).await;
    }
}

async fn open_channels(connection: &Connection, count: u16) -> lapin::Result<Vec<Arc<Channel>>> {
    let mut channels = Vec::new();
    for _ in 0..count {
        let channel = connection.create_channel().await?;
        let options = ConfirmSelectOptions::default();
        channel.confirm_select(options).await?;
        channels.push(Arc::new(channel));
    }
    Ok(channels)
}

/// Publishes one message and waits for its confirm. The first poll queues its frames.
async fn publish(
    channel: Arc<Channel>,
    number: u64,
    message: Outgoing,
) -> (u64, lapin::Result<Confirmation>) {
    let Outgoing {
        exchange,
        routing_key,
        properties,
        body,
        trace: _,
    } = message;
    // Mandatory: the broker returns a message that no queue gets, instead of dropping it, for example if a queue and the
    // dead-letter queue were deleted.
    let options = BasicPublishOptions {
        mandatory: true,
        ..Default::default()
    };
    let sending = channel.basic_publish(exchange, routing_key, options, &body, properties);
    let confirm = match sending.await {
        Ok(confirm) => confirm.await,
        Err(error) => Err(error),
    };
    (number, confirm)
}
