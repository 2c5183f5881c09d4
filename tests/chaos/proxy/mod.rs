//! The network between two parts, which can be made as bad as networks are.

mod connection;
mod weather;

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

pub use weather::{Direction, Weather};

/// A port on this machine whose connections are led to another one, through the weather of the moment.
pub struct Proxy {
    port: u16,
    upstream: Arc<AtomicU16>,
    weather: watch::Sender<Weather>,
    _accepting: AbortOnDropHandle<()>,
}

impl Proxy {
    /// One that leads to `upstream`; with 0 to nobody, until [`Proxy::lead_to`].
    pub async fn start(upstream: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let upstream = Arc::new(AtomicU16::new(upstream));
        let (weather, forecast) = watch::channel(Weather::Clear);
        let accepting = accept(listener, Arc::clone(&upstream), forecast);
        Ok(Self {
            port,
            upstream,
            weather,
            _accepting: AbortOnDropHandle::new(tokio::spawn(accepting)),
        })
    }

    /// Where to connect to.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Leads new connections to another port.
    pub fn lead_to(&self, port: u16) {
        self.upstream.store(port, Ordering::Relaxed);
    }

    /// Changes the weather. When what swallowed bytes is over, connections that lost some are reset: TCP
    /// delivers every byte or none that comes after it.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

async fn accept(
    listener: TcpListener,
    upstream: Arc<AtomicU16>,
    forecast: watch::Receiver<Weather>,
) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let upstream = upstream.load(Ordering::Relaxed);
                tokio::spawn(connection::carry(client, upstream, forecast.clone()));
            }
            // Out of descriptors for a moment: whoever connects waits.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[cfg(test)]
mod tests;
