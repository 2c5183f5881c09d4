use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, watch};

use super::failures::Failures;
use super::message::Outgoing;
use super::open::{OpenError, Opened, open};
use super::publish_error::PublishError;
use super::wire::{Confirmation, Connection, PublishingChannel, Status};
use crate::settings::BrokerSettings;

/// One connection to publish on, from its opening to its end. A session never recovers: another
/// one takes its place.
pub(super) struct Session {
    connection: Connection,
    status: watch::Receiver<Status>,
    channels: Vec<PublishingChannel>,
    next: AtomicUsize,
    failures: Arc<Failures>,
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
    /// Declares the topology, connects and opens the channels.
    pub(super) async fn open(settings: &BrokerSettings, name: &str) -> Result<Self, OpenError> {
        let Opened {
            connection,
            drifted,
        } = open(settings, name).await?;
        for object in drifted {
            tracing::warn!(
                object,
                "exists on the broker with other arguments and is used as it is; see `tidings doctor`"
            );
        }
        let status = connection.status();
        let failures = Arc::new(Failures::default());
        let mut channels = Vec::new();
        for _ in 0..settings.publish_channels {
            let channel = connection.channel().await.map_err(OpenError::Channel)?;
            let channel = channel
                .with_confirms(settings.publish_timeout, Arc::clone(&failures))
                .await
                .map_err(OpenError::Channel)?;
            channels.push(channel);
        }
        Ok(Self {
            connection,
            status,
            channels,
            next: AtomicUsize::new(0),
            failures,
        })
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

    /// Waits for the session's end, which it tells in words, and reports notices on the way.
    pub(super) async fn until_its_end(&self, mut report: impl FnMut(Notice)) -> String {
        let mut status = self.status.clone();
        let mut blocked = false;
        loop {
            let now = match &*status.borrow_and_update() {
                Status::Ended(why) => return why.to_string(),
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
            tokio::select! {
                changed = status.changed() => if changed.is_err() {
                    return "the connection is gone".to_owned();
                },
                why = self.failures.too_many() => return why,
            }
        }
    }

    /// Closes the connection, giving a silent broker a second to answer.
    pub(super) async fn close(&self) {
        // Where it does not the connection is dropped, which is as good.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.connection.close()).await;
    }
}
