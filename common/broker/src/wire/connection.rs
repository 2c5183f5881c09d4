use std::sync::Arc;

use lapin::protocol::{AMQPClass, connection};
use lapin::tcp::AMQPUriTcpExt;
use lapin::uri::AMQPUri;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::channel::Channel;
use super::error::Error;
use super::handshake::shake_hands;
use super::io::Io;
use super::method;
use super::shared::{Shared, Status};

/// A connection to a broker. It never recovers; another takes its place. Where it is dropped, it ends
/// without a word.
#[derive(Debug)]
pub struct Connection {
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl Connection {
    /// Connects. `name` is what the management UI shows. Takes as long as it takes.
    ///
    /// # Errors
    ///
    /// Where the broker is not there or does not let us in.
    pub async fn open(uri: &AMQPUri, name: &str) -> Result<Self, Error> {
        let runtime = lapin::runtime::default_runtime()
            .map_err(|error| Error::Unusable(error.to_string()))?;
        // Large, for TLS, and seldom.
        let mut stream = Box::pin(uri.connect_async(&runtime)).await?;
        let terms = shake_hands(&mut stream, uri, name).await?;
        let frame_max = usize::try_from(terms.frame_max).unwrap_or(usize::MAX);
        let shared = Arc::new(Shared::new(frame_max, terms.channel_max));
        let io = Io::new(stream, Arc::clone(&shared), terms.heartbeat);
        let task = tokio::spawn(io).abort_handle();
        Ok(Self { shared, task })
    }

    /// Opens a channel.
    ///
    /// # Errors
    ///
    /// Where the connection is dead or the broker lets us have no more channels.
    pub async fn channel(&self) -> Result<Channel, Error> {
        Channel::open(Arc::clone(&self.shared)).await
    }

    /// How it is, from now on.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status().subscribe()
    }

    /// Whether it lives.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(*self.shared.status().borrow(), Status::Ended(_))
    }

    /// Ends it. When this returns, the broker has worked off all that was sent, or the connection was
    /// dead already.
    pub async fn close(&self) {
        let close = connection::AMQPMethod::Close(connection::Close {
            reply_code: 200,
            reply_text: "done".into(),
            class_id: 0,
            method_id: 0,
        });
        let mut status = self.status();
        let sent = self.shared.with(|state| {
            method::write(&mut state.out, 0, &AMQPClass::Connection(close));
            Ok(())
        });
        if sent.is_ok() {
            // Ends with an error where the task is gone, which it cannot be without having said so.
            let _ = status
                .wait_for(|status| matches!(status, Status::Ended(_)))
                .await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}
