use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation, Connection, Event, PublisherConfirm};

use super::addresses::Address;
use super::connector::{self, Connector, Opened, PATIENCE};
use super::doubts::{Doubt, Doubts};
use super::message::Outgoing;
use super::publish_error::PublishError;

/// How long a node may take to answer what it can answer by itself.
const PULSE: Duration = Duration::from_secs(2);

/// Why a session could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Open(#[from] connector::OpenError),
    #[error("cannot open a channel with publisher confirms: {0}")]
    Channel(#[from] lapin::Error),
    #[error("RabbitMQ opens no channels within {} s", PATIENCE.as_secs())]
    TimedOut,
}

/// One connection to publish on, from its opening to its end. A session never recovers: another
/// one takes its place.
pub(super) struct Session {
    connection: Connection,
    node: Address,
    lanes: Vec<Lane>,
    next: AtomicUsize,
    doubts: Doubts,
}

/// A channel to publish on.
///
/// lapin gives a publish its number and queues its frames in two steps, so two threads that publish
/// on one channel at once can swap the confirms of their messages: a message that was refused then
/// counts as safe. The lock makes the two steps one.
struct Lane {
    channel: Channel,
    numbering: Mutex<()>,
}

impl Lane {
    async fn open_all(connection: &Connection, channels: u16) -> lapin::Result<Vec<Self>> {
        let mut lanes = Vec::new();
        for _ in 0..channels {
            let channel = connection.create_channel().await?;
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            lanes.push(Self {
                channel,
                numbering: Mutex::new(()),
            });
        }
        Ok(lanes)
    }

    async fn publish(&self, out: Outgoing) -> lapin::Result<PublisherConfirm> {
        // Not `mandatory`: with many publishes in flight lapin pins a returned message to the wrong
        // confirm. What finds no queue takes the alternate exchange instead.
        let options = BasicPublishOptions::default();
        let mut publishing = std::pin::pin!(self.channel.basic_publish(
            out.exchange,
            out.routing_key,
            options,
            &out.body,
            out.properties,
        ));
        // Both steps are over when the first poll returns.
        poll_fn(|context| {
            let _turn = self
                .numbering
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            publishing.as_mut().poll(context)
        })
        .await
    }
}

/// What the broker says of a session while it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The broker has run short of memory or disk and takes no publishes.
    Blocked,
    /// It takes them again.
    Unblocked,
}

impl Session {
    /// Opens a connection and so many channels on it.
    pub(super) async fn open(connector: &Connector, channels: u16) -> Result<Self, OpenError> {
        let Opened {
            connection,
            node,
            drifted,
        } = connector.open().await?;
        for object in drifted {
            tracing::warn!(
                object,
                "exists on the broker with other arguments and is used as it is; see `tidings doctor`"
            );
        }
        let opening = Lane::open_all(&connection, channels);
        let opened = tokio::time::timeout(PATIENCE, opening).await;
        let lanes = opened
            .map_err(|_| OpenError::TimedOut)
            .and_then(|lanes| Ok(lanes?))
            .inspect_err(|_| connector.leave(&node))?;
        Ok(Self {
            connection,
            node,
            lanes,
            next: AtomicUsize::new(0),
            doubts: Doubts::new(),
        })
    }

    /// The node that it leads to.
    pub(super) const fn node(&self) -> &Address {
        &self.node
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Publishes on the next channel in turn and waits for the broker's confirm.
    pub(super) async fn publish(&self, out: Outgoing) -> Result<(), PublishError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let lane = &self.lanes[turn % self.lanes.len()];
        let confirm = lane.publish(out).await?.await?;
        match confirm {
            Confirmation::Ack(_) => Ok(()),
            Confirmation::Nack(_) | Confirmation::NotRequested => Err(PublishError::Refused),
        }
    }

    /// Notes how a publish ended: after failures, the session's end may be near.
    pub(super) fn note(&self, outcome: &Result<(), PublishError>) {
        match outcome {
            // A broker that is short of memory is not helped by another connection.
            Err(error) if !self.connection.status().blocked() => self.doubts.raise(error),
            _ => self.doubts.lift(),
        }
    }

    /// Waits for the session's end, which it tells in words, and reports notices on the way.
    pub(super) async fn until_its_end(&self, mut report: impl FnMut(Notice)) -> String {
        // Once a connection: lapin splits the events between listeners.
        let mut events = std::pin::pin!(self.connection.events_listener());
        // A dead connection raises an event; the look at its status once a second is for the case
        // that it does not.
        let mut look = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(_)) => report(Notice::Blocked),
                    Some(Event::ConnectionUnblocked) => report(Notice::Unblocked),
                    Some(Event::Error(error)) => return error.to_string(),
                    Some(_) => {}
                    None => return "the connection is gone".to_owned(),
                },
                _ = look.tick() => if !self.is_open() {
                    return "the connection or a channel is closed".to_owned();
                },
                doubt = self.doubts.next() => match doubt {
                    Doubt::Failures => return "too many publishes in a row failed".to_owned(),
                    Doubt::Silence => return "publishes go on timing out".to_owned(),
                    Doubt::TimeOut => if !self.has_a_pulse().await {
                        return "the node does not answer".to_owned();
                    },
                },
            }
        }
    }

    /// Whether the node answers, whatever the queues do. Sooner than the heartbeat tells.
    async fn has_a_pulse(&self) -> bool {
        let opening = self.connection.create_channel();
        let opened = tokio::time::timeout(PULSE, opening).await;
        opened.is_ok_and(|channel| channel.is_ok())
    }

    fn is_open(&self) -> bool {
        self.connection.status().connected()
            && self
                .lanes
                .iter()
                .all(|lane| lane.channel.status().connected())
    }

    /// Closes the connection, giving a silent broker a second to answer.
    pub(super) async fn close(&self) {
        let closing = self.connection.close(200, "done".into());
        // Where it fails the connection is gone already, which is what was wanted.
        let _ = tokio::time::timeout(Duration::from_secs(1), closing).await;
    }
}
