//! Single requests to the API.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use hyper::StatusCode;
use serde_json::{Value, json};
use tidings_domain::access::Scope;

use crate::load::{ApiEndpoint, HttpConnection};

/// A connection to one path, which each request uses.
pub struct Calls(HttpConnection);

impl Calls {
    /// Opens the connection.
    ///
    /// # Errors
    ///
    /// Returns an error if the API refuses the connection.
    pub async fn open(api: SocketAddr, path: &'static str, token: &str) -> anyhow::Result<Self> {
        let target = ApiEndpoint::new(api, path, token)?;
        Ok(Self(HttpConnection::open(&target).await?))
    }

    /// Posts `body`. Returns the status and the response.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no response in JSON.
    pub async fn post(&mut self, body: &Value) -> anyhow::Result<(StatusCode, Value)> {
        let (status, response) = self.0.post(body.to_string().into()).await?;
        let response = serde_json::from_slice(&response).context("a response is not JSON")?;
        Ok((status, response))
    }

    /// Posts `body`, and returns the response of a request that succeeds.
    ///
    /// # Errors
    ///
    /// Returns an error if the request does not succeed.
    pub async fn succeed(&mut self, body: &Value) -> anyhow::Result<Value> {
        let (status, response) = self.post(body).await?;
        ensure!(status.is_success(), "the API answered {status}: {response}");
        Ok(response)
    }
}

/// Creates an API key that may send to everyone. Returns its secret.
///
/// # Errors
///
/// Returns an error if the API refuses.
pub async fn create_key(api: SocketAddr, token: &str) -> anyhow::Result<String> {
    let mut keys = Calls::open(api, "/api/keys", token).await?;
    let scopes = [Scope::NotificationsSendAny.as_str()];
    let key = json!({"name": "tidings-bench", "scopes": scopes});
    let created = keys.succeed(&key).await?;
    let secret = created["key"].as_str().context("no key in the response")?;
    Ok(secret.to_owned())
}
