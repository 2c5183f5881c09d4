use std::net::SocketAddr;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What is the same for every request.
#[derive(Clone, Debug)]
pub struct Target {
    address: SocketAddr,
    path: &'static str,
    host: HeaderValue,
    authorization: HeaderValue,
}

impl Target {
    /// `path` of the API at `address`, with a token.
    ///
    /// # Errors
    ///
    /// Where the token cannot stand in a header.
    pub fn new(address: SocketAddr, path: &'static str, token: &str) -> anyhow::Result<Self> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))
            .context("the token cannot stand in a header")?;
        authorization.set_sensitive(true);
        Ok(Self {
            address,
            path,
            host: HeaderValue::try_from(address.to_string())?,
            authorization,
        })
    }
}

/// A keep-alive connection to the API.
pub struct Connection {
    target: Target,
    sender: http1::SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// Where the API does not answer.
    pub async fn open(target: &Target) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(target.address)
            .await
            .with_context(|| format!("the API at {} does not answer", target.address))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Its end is seen by whoever sends on it.
        tokio::spawn(connection);
        Ok(Self {
            target: target.clone(),
            sender,
        })
    }

    /// Posts and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// Where none comes; the connection is of no more use then.
    pub async fn post(&mut self, body: Bytes) -> anyhow::Result<(StatusCode, Bytes)> {
        let request = Request::post(self.target.path)
            .header(HOST, &self.target.host)
            .header(AUTHORIZATION, &self.target.authorization)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(Full::new(body))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }
}

/// Whether a program is there and ready for its work.
pub async fn is_ready(address: SocketAddr) -> bool {
    let asking = async {
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = Request::get("/ready")
            .header(HOST, address.to_string())
            .body(Full::new(Bytes::new()))?;
        anyhow::Ok(sender.send_request(request).await?.status())
    };
    matches!(asking.await, Ok(StatusCode::OK))
}
