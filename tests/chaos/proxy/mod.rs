//! A TCP proxy between two components that simulates network faults.

mod conditions;
mod connection;

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

pub use conditions::{Conditions, Direction};

/// Forwards the connections to a local port to another port, under the current network conditions.
pub struct Proxy {
    port: u16,
    upstream: Arc<AtomicU16>,
    conditions: watch::Sender<Conditions>,
    _accepting: AbortOnDropHandle<()>,
}

impl Proxy {
    /// Starts a proxy to `upstream`. With port 0, connections are reset until [`Proxy::set_upstream`].
    pub async fn start(upstream: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let upstream = Arc::new(AtomicU16::new(upstream));
        let (conditions, receiver) = watch::channel(Conditions::Normal);
        let accepting = accept(listener, Arc::clone(&upstream), receiver);
        Ok(Self {
            port,
            upstream,
            conditions,
            _accepting: AbortOnDropHandle::new(tokio::spawn(accepting)),
        })
    }

    /// Returns the port to connect to.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Forwards new connections to another port.
    pub fn set_upstream(&self, port: u16) {
        self.upstream.store(port, Ordering::Relaxed);
    }

    /// Changes the conditions. Connections that have lost bytes are reset when bytes are no longer dropped: TCP
    /// never delivers a byte after one that is missing.
    pub fn set(&self, conditions: Conditions) {
        self.conditions.send_replace(conditions);
    }
}

async fn accept(
    listener: TcpListener,
    upstream: Arc<AtomicU16>,
    conditions: watch::Receiver<Conditions>,
) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let upstream = upstream.load(Ordering::Relaxed);
                tokio::spawn(connection::forward(client, upstream, conditions.clone()));
            }
            // The process has no free file descriptor: clients wait.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[cfg(test)]
mod tests;
