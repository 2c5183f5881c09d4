use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tidings_domain::notification::MessageId;

use crate::tokens;

/// An HTTP client of one program, with persistent connections. Uses the new port after a restart of the program.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    port: Arc<AtomicU16>,
    token: Option<String>,
}

/// A complete response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body; `null` if it is not JSON.
    pub body: Value,
    /// The body as text.
    pub text: String,
}

impl Client {
    /// A client of the shared API with the token of a trusted service.
    pub(crate) fn of_shared_api(port: u16) -> Self {
        Self::new(Arc::new(port.into()), Some(tokens::service()))
    }

    pub(crate) fn new(port: Arc<AtomicU16>, token: Option<String>) -> Self {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // No test uses TLS here, and loading the system's root certificates takes 0.1 s.
            .tls_certs_only([])
            .build()
            .expect("an HTTP client");
        Self { http, port, token }
    }

    /// Returns this client with another token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self {
            token: Some(token.into()),
            ..self.clone()
        }
    }

    /// Returns this client without a token.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self {
            token: None,
            ..self.clone()
        }
    }

    /// Returns the URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let port = self.port.load(Ordering::Relaxed);
        format!("http://127.0.0.1:{port}{path}")
    }

    /// Creates a request for [`Client::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.url(path));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request and reads the response.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.expect("an answer")
    }

    /// Like [`Client::send`], but the program may be down.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no response.
    pub async fn try_send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        Answer::read(request.send().await?).await
    }

    /// Sends `GET path`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends `GET path`. The program may be down.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no response.
    pub async fn try_get(&self, path: &str) -> reqwest::Result<Answer> {
        self.try_send(self.request(Method::GET, path)).await
    }

    /// Sends `POST /api/notifications`.
    pub async fn post(&self, notification: &Value) -> Answer {
        self.try_post(notification).await.expect("an answer")
    }

    /// Like [`Client::post`], but the program may be down.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no response.
    pub async fn try_post(&self, notification: &Value) -> reqwest::Result<Answer> {
        let request = self.request(Method::POST, "/api/notifications");
        self.try_send(request.json(notification)).await
    }

    /// Sends `POST /api/notifications` with an `Idempotency-Key`.
    pub async fn post_with_key(&self, notification: &Value, key: &str) -> Answer {
        let request = self.request(Method::POST, "/api/notifications");
        self.send(request.header("Idempotency-Key", key).json(notification))
            .await
    }

    /// Sends `POST /api/notifications/batch` with these items.
    pub async fn post_batch(&self, items: &[Value]) -> Answer {
        self.send(self.batch(&json!({"notifications": items})))
            .await
    }

    /// Creates a `POST /api/notifications/batch` with this body for [`Client::send`].
    pub fn batch(&self, body: &Value) -> RequestBuilder {
        let request = self.request(Method::POST, "/api/notifications/batch");
        request.json(body)
    }

    /// Sends `POST /api/notifications` with any body and content type.
    pub async fn post_raw(&self, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        let request = self.request(Method::POST, "/api/notifications");
        self.send(
            request
                .header("Content-Type", content_type)
                .body(body.into()),
        )
        .await
    }
}

impl Answer {
    async fn read(response: Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        Ok(Self {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        })
    }

    /// Returns a header field's value, or an empty text if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|v| v.to_str().ok());
        value.unwrap_or_default()
    }

    /// Returns the message id of the accepted notification.
    ///
    /// # Panics
    ///
    /// Panics if the notification was not accepted.
    #[must_use]
    pub fn accepted(&self) -> MessageId {
        assert_eq!(self.status, 202, "{}", self.text);
        let id = self.body["messageId"].as_str().expect("a messageId");
        id.parse().expect("a UUID")
    }

    /// Returns the results of a batch's items in order: the message id, or the error code of a refused item.
    ///
    /// # Panics
    ///
    /// Panics if the results are missing or malformed.
    #[must_use]
    pub fn results(&self) -> Vec<Result<MessageId, String>> {
        let results = self.body["results"].as_array();
        let results = results.unwrap_or_else(|| panic!("no results: {}", self.text));
        let result = |(index, result): (usize, &Value)| {
            assert_eq!(result["index"], index, "{}", self.text);
            if result["status"] == "queued" {
                let id = result["messageId"].as_str().expect("a messageId");
                return Ok(id.parse().expect("a UUID"));
            }
            assert_eq!(result["status"], "refused", "{}", self.text);
            let error = &result["error"];
            let code = error["code"].as_str().expect("a code");
            assert!(error["message"].is_string() && error["details"].is_array());
            let again = ["broker_unavailable", "queue_full"].contains(&code);
            assert_eq!(result["retryable"], again, "{}", self.text);
            Err(code.to_owned())
        };
        let results: Vec<_> = results.iter().enumerate().map(result).collect();
        let accepted = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(self.body["accepted"], accepted, "{}", self.text);
        assert_eq!(self.body["refused"], results.len() - accepted);
        results
    }

    /// Checks that this is an error with this status and code, in the common error shape.
    #[track_caller]
    pub fn assert_error(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.text
        );
        self.assert_error_shape();
    }

    /// Checks that this is an error in the common error shape, with any code.
    #[track_caller]
    pub fn assert_error_shape(&self) {
        assert!(
            self.status >= 400,
            "not an error: {} {}",
            self.status,
            self.text
        );
        assert!(
            self.header("Content-Type").starts_with("application/json"),
            "{:?}: {}",
            self.headers,
            self.text
        );
        let reason = reqwest::StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason());
        assert_eq!(self.body["error"].as_str(), reason, "{}", self.text);
        for name in ["message", "code", "requestId"] {
            let text = self.body[name].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "no {name}: {}", self.text);
        }
        assert_eq!(self.body["requestId"], self.header("X-Request-Id"));
        if self.status == 503 {
            let seconds = self.header("Retry-After").parse::<u32>();
            assert!(seconds.is_ok_and(|s| s > 0), "{:?}", self.headers);
        }
        let details = self.body["details"].as_array();
        let details = details.unwrap_or_else(|| panic!("no details: {}", self.text));
        for detail in details {
            assert!(
                detail["field"].is_string() && detail["message"].is_string(),
                "{}",
                self.text
            );
        }
        let mut known = vec!["error", "message", "code", "details", "requestId"];
        // A batch of which no item was accepted has these as well.
        if self.body["results"].is_array() {
            known.extend(["results", "accepted", "refused"]);
        }
        if self.body["code"] == "being_sent" {
            known.push("leaseUntil");
        }
        let fields = self.body.as_object().expect("an object");
        assert!(
            fields.keys().all(|name| known.contains(&name.as_str())),
            "{}",
            self.text
        );
    }

    /// Returns the fields that the details of an error name, in alphabetical order.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        let details = self.body["details"].as_array();
        let mut fields: Vec<_> = details
            .into_iter()
            .flatten()
            .filter_map(|detail| detail["field"].as_str())
            .collect();
        fields.sort_unstable();
        fields
    }
}
