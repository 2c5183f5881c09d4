use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use super::addresses::Address;
use super::connector::{self, Connector, Opened, PATIENCE};
use super::doubts::{Doubt, Doubts};
use super::message::Outgoing;
use super::publish_error::PublishError;
use super::wire::{self, Confirmation, Connection, PublishingChannel, Status};
use crate::BrokerSettings;

/// How long a node may take to answer what it can answer by itself.
const PULSE: Duration = Duration::from_secs(2);

/// Why a session could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Open(#[from] connector::OpenError),
    #[error("cannot open a channel with publisher confirms: {0}")]
    Channel(#[from] wire::Error),
    #[error("RabbitMQ opens no channels within {} s", PATIENCE.as_secs())]
    TimedOut,
}

/// One connection to publish on, from its opening to its end. A session never recovers: another
/// one takes its place.
pub(super) struct Session {
    connection: Connection,
    node: Address,
    status: watch::Receiver<Status>,
    channels: Vec<PublishingChannel>,
    next: AtomicUsize,
    doubts: Arc<Doubts>,
}

/// What the broker says of a session while it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The broker has run short of memory or disk and takes no publishes.
    Blocked,
    /// It takes them again.
    Unblocked,
}

/// How a session ended.
#[derive(Debug)]
pub(super) struct End {
    /// In words.
    pub(super) reason: String,
    /// What it lets fear of the other sessions of this process.
    pub(super) warning: Option<Warning>,
}

/// What the end of a session lets fear of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Warning {
    /// Their nodes may be gone too.
    Gone,
    /// Their publishes may go on failing too, though their nodes answer.
    Failing,
}

impl End {
    const fn warning(reason: String, warning: Warning) -> Self {
        Self {
            reason,
            warning: Some(warning),
        }
    }

    fn without_a_pulse() -> Self {
        Self::warning("the node does not answer".to_owned(), Warning::Gone)
    }
}

impl Session {
    /// Opens a connection and the channels on it. Where the process has `others`, nothing is declared again.
    pub(super) async fn open(
        connector: &Connector,
        settings: &BrokerSettings,
        others: bool,
    ) -> Result<Self, OpenError> {
        let opened = if others {
            connector.open_another().await
        } else {
            connector.open().await
        };
        let Opened {
            connection,
            node,
            drifted,
        } = opened?;
        for object in drifted {
            tracing::warn!(
                object,
                "exists on the broker with other arguments and is used as it is; see `tidings doctor`"
            );
        }
        let doubts = Arc::new(Doubts::new());
        let opened = timeout(PATIENCE, open_channels(&connection, settings, &doubts)).await;
        let channels = opened
            .map_err(|_| OpenError::TimedOut)
            .and_then(|channels| Ok(channels?))
            .inspect_err(|_| connector.leave(&node))?;
        Ok(Self {
            status: connection.status(),
            connection,
            node,
            channels,
            next: AtomicUsize::new(0),
            doubts,
        })
    }

    /// The node that it leads to.
    pub(super) const fn node(&self) -> &Address {
        &self.node
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Publishes on the next channel in turn.
    pub(super) fn publish(
        &self,
        out: &Outgoing,
        permit: OwnedSemaphorePermit,
    ) -> Result<Confirmation, PublishError> {
        self.next_channel().publish(out, permit)
    }

    /// Publishes many on the next channel in turn, one behind the other.
    pub(super) fn publish_all(
        &self,
        messages: impl IntoIterator<Item = (Outgoing, OwnedSemaphorePermit)>,
    ) -> Result<Vec<Result<Confirmation, PublishError>>, PublishError> {
        Ok(self.next_channel().publish_all(messages)?)
    }

    fn next_channel(&self) -> &PublishingChannel {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        &self.channels[turn % self.channels.len()]
    }

    /// Waits for the session's end, and reports notices on the way. `warnings` come from the ends of other
    /// sessions of this process: not each of them need find out by itself.
    pub(super) async fn until_its_end(
        &self,
        warnings: &mut watch::Receiver<Warning>,
        mut report: impl FnMut(Notice),
    ) -> End {
        let mut status = self.status.clone();
        let mut blocked = false;
        loop {
            let now = match &*status.borrow_and_update() {
                Status::Ended(why) => return End::warning(why.to_string(), Warning::Gone),
                Status::Open => false,
                Status::Blocked => true,
            };
            if now != blocked {
                blocked = now;
                report(if blocked {
                    Notice::Blocked
                } else {
                    Notice::Unblocked
                });
            }
            let failing = |reason: &str| End::warning(reason.to_owned(), Warning::Failing);
            tokio::select! {
                changed = status.changed() => if changed.is_err() {
                    return End::warning("the connection is gone".to_owned(), Warning::Gone);
                },
                doubt = self.doubts.next() => match doubt {
                    Doubt::Failures => return failing("too many publishes in a row failed"),
                    Doubt::Silence => return failing("publishes go on timing out"),
                    Doubt::TimeOut => if !self.has_a_pulse().await {
                        return End::without_a_pulse();
                    },
                },
                Ok(()) = warnings.changed() => {
                    let warning = *warnings.borrow_and_update();
                    match warning {
                        Warning::Failing => return End {
                            reason: "the publishes of another connection went on failing".to_owned(),
                            warning: None,
                        },
                        // A node that is short of memory or disk does not read, and is there all the same.
                        Warning::Gone => if !blocked && !self.has_a_pulse().await {
                            return End::without_a_pulse();
                        },
                    }
                }
            }
        }
    }

    /// Whether the node answers, whatever the queues do. Sooner than the heartbeat tells.
    async fn has_a_pulse(&self) -> bool {
        let opened = timeout(PULSE, self.connection.channel()).await;
        opened.is_ok_and(|channel| channel.is_ok())
    }

    /// Closes the connection, giving a silent broker a second to answer.
    pub(super) async fn close(&self) {
        // Where it does not the connection is dropped, which is as good.
        let _ = timeout(Duration::from_secs(1), self.connection.close()).await;
    }
}

async fn open_channels(
    connection: &Connection,
    settings: &BrokerSettings,
    doubts: &Arc<Doubts>,
) -> Result<Vec<PublishingChannel>, wire::Error> {
    let mut channels = Vec::new();
    for _ in 0..settings.publish_channels {
        let channel = connection.channel().await?;
        let doubts = Arc::clone(doubts);
        let confirming = channel.with_confirms(settings.publish_timeout, doubts);
        channels.push(confirming.await?);
    }
    Ok(channels)
}
