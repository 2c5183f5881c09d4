use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};

/// The HTTP API of RabbitMQ's management plugin.
#[derive(Clone)]
pub struct Management {
    http: reqwest::Client,
    url: Url,
}

/// The plugin's counts of a queue. They are some seconds old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// Ready messages.
    pub ready: u64,
    /// Unacknowledged messages.
    pub unacked: u64,
}

impl Management {
    /// Uses the login in `url`.
    #[must_use]
    pub fn new(url: Url) -> Self {
        let http = reqwest::Client::builder()
            // See `Client`.
            .tls_certs_only([])
            .build()
            .expect("an HTTP client");
        Self { http, url }
    }

    /// Returns the URL, with the login.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Sends a DELETE to `path` below `/api`.
    ///
    /// # Errors
    ///
    /// Returns an error if the plugin refuses or cannot be reached.
    pub async fn delete(&self, path: &[&str]) -> reqwest::Result<()> {
        let request = self.request(Method::DELETE, path);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Returns a copy with its own connections.
    pub(crate) fn reconnected(&self) -> Self {
        Self::new(self.url.clone())
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.url.clone();
        url.path_segments_mut()
            .expect("an http URL")
            .pop_if_empty()
            .push("api")
            .extend(path);
        self.http.request(method, url)
    }

    /// Creates a virtual host with all permissions for `user`.
    ///
    /// # Errors
    ///
    /// Returns an error if the plugin refuses or cannot be reached.
    pub async fn make_vhost(&self, name: &str, user: &str) -> reqwest::Result<()> {
        let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
        self.put(&["vhosts", name], json!({})).await?;
        self.put(&["permissions", name, user], all).await
    }

    /// Creates a user with the password `restricted`, which may use everything in a virtual host and declare nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if the plugin refuses or cannot be reached.
    pub async fn make_restricted_user(&self, vhost: &str, user: &str) -> reqwest::Result<()> {
        let body = json!({"password": "restricted", "tags": ""});
        self.put(&["users", user], body).await?;
        let permissions = json!({"configure": "^$", "write": ".*", "read": ".*"});
        self.put(&["permissions", vhost, user], permissions).await
    }

    /// Sends a PUT to `path` below `/api`.
    ///
    /// # Errors
    ///
    /// Returns an error if the plugin refuses or cannot be reached.
    pub async fn put(&self, path: &[&str], body: Value) -> reqwest::Result<()> {
        let request = self.request(Method::PUT, path).json(&body);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Deletes a virtual host with everything in it.
    ///
    /// # Errors
    ///
    /// Returns an error if the plugin refuses or cannot be reached.
    pub async fn delete_vhost(&self, name: &str) -> reqwest::Result<()> {
        self.delete(&["vhosts", name]).await
    }

    /// Sends a GET to `path` below `/api`.
    ///
    /// # Errors
    ///
    /// Returns an error if the plugin refuses or cannot be reached.
    pub async fn get(&self, path: &[&str]) -> reqwest::Result<Value> {
        let answer = self.request(Method::GET, path).send().await?;
        answer.error_for_status()?.json().await
    }

    /// Removes the first message of a queue, as "Get messages" of the management UI does with "Automatic ack".
    /// Returns it as JSON, or `None` if no message is ready.
    ///
    /// # Errors
    ///
    /// Returns an error if the plugin refuses or cannot be reached.
    pub async fn remove_first(&self, vhost: &str, queue: &str) -> reqwest::Result<Option<Value>> {
        let body = json!({"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"});
        let request = self.request(Method::POST, &["queues", vhost, queue, "get"]);
        let answer = request.json(&body).send().await?.error_for_status()?;
        let mut messages: Vec<Value> = answer.json().await?;
        Ok(messages.pop())
    }

    /// Returns a queue's counts, or `None` while the plugin has none or does not respond.
    pub async fn queue(&self, vhost: &str, name: &str) -> Option<QueueState> {
        let queue = self.get(&["queues", vhost, name]).await.ok()?;
        Some(QueueState {
            ready: queue["messages_ready"].as_u64()?,
            unacked: queue["messages_unacknowledged"].as_u64()?,
        })
    }
}
