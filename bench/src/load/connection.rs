//! An HTTP client that costs the machine as little as possible.

use std::net::SocketAddr;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Where and with which token to post.
#[derive(Clone, Debug)]
pub struct ApiEndpoint {
    address: SocketAddr,
    path: &'static str,
    host: HeaderValue,
    authorization: HeaderValue,
}

impl ApiEndpoint {
    /// The `path` of the API at `address`, with `token`.
    ///
    /// # Errors
    ///
    /// Returns an error if the token is not a valid header value.
    pub fn new(address: SocketAddr, path: &'static str, token: &str) -> anyhow::Result<Self> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))
            .context("the token is not a valid header value")?;
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
pub struct HttpConnection {
    target: ApiEndpoint,
    sender: http1::SendRequest<Full<Bytes>>,
}

impl HttpConnection {
    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// Returns an error if the API refuses the connection.
    pub async fn open(target: &ApiEndpoint) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(target.address)
            .await
            .with_context(|| format!("the API at {} does not answer", target.address))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // If the connection fails, the next request on it fails.
        tokio::spawn(connection);
        Ok(Self {
            target: target.clone(),
            sender,
        })
    }

    /// Posts `body` and reads the whole response.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no response. The connection cannot be used any more then.
    pub async fn post(&mut self, body: Bytes) -> anyhow::Result<(StatusCode, Bytes)> {
        let request = Request::post(self.target.path)
            .header(HOST, &self.target.host)
            .header(AUTHORIZATION, &self.target.authorization)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(Full::new(body))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    /// Gets `path`, whatever the path of the endpoint is. Returns the response before its body has arrived.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no response.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Response<Incoming>> {
        let request = Request::get(path)
            .header(HOST, &self.target.host)
            .header(AUTHORIZATION, &self.target.authorization)
            .body(Full::new(Bytes::new()))?;
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }
}

/// Whether the program at `address` answers `/ready` with 200.
pub async fn is_ready(address: SocketAddr) -> bool {
    matches!(get(address, "/ready").await, Ok((StatusCode::OK, _)))
}

/// Gets a page without a token, on a connection of its own.
///
/// # Errors
///
/// Returns an error if there is no response.
pub async fn get(address: SocketAddr, path: &str) -> anyhow::Result<(StatusCode, Bytes)> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path)
        .header(HOST, address.to_string())
        .body(Full::new(Bytes::new()))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}
