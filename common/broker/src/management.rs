//! The HTTP API of RabbitMQ's management plugin, which knows what AMQP cannot tell: the arguments, bindings and policies
//! of the objects that exist.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lapin::uri::AMQPScheme;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

use crate::addresses::Address;
use crate::settings::BrokerSettings;

/// Time limit for one request.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum size of a response in bytes. A queue has about 500.
const MAX_RESPONSE: usize = 16 * 1024 * 1024;

/// Default ports of the plugin without and with TLS.
const PORT: u16 = 15672;
const TLS_PORT: u16 = 15671;

/// Why the API cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManagementError {
    /// No connection, or no response in time.
    #[error("{0}")]
    Http(String),
    /// The response is not a list of objects.
    #[error("the response cannot be read: {0}")]
    Response(String),
}

impl From<reqwest::Error> for ManagementError {
    fn from(error: reqwest::Error) -> Self {
        // The URL contains the login.
        let error = error.without_url();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self::Http(text)
    }
}

/// A queue as the broker has it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct ExistingQueue {
    /// The name.
    pub name: String,
    /// The arguments of its declaration.
    #[serde(default)]
    pub arguments: Value,
    /// The policy that applies.
    #[serde(default)]
    pub policy: Option<String>,
    /// The operator policy that applies.
    #[serde(default)]
    pub operator_policy: Option<String>,
    /// What both policies define together.
    #[serde(default)]
    pub effective_policy_definition: Value,
}

/// How many messages a queue has, some seconds ago.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct QueueTotal {
    /// The name.
    pub name: String,
    /// Ready and unacknowledged messages. `None` if the broker has not counted them yet.
    #[serde(default)]
    pub messages: Option<u64>,
    /// Messages that have expired and are on their way to another queue.
    #[serde(default)]
    pub messages_dlx: Option<u64>,
}

/// An exchange as the broker has it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ExistingExchange {
    /// The name.
    pub name: String,
    /// The type, for example `headers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The arguments of its declaration.
    #[serde(default)]
    pub arguments: Value,
}

/// A binding as the broker has it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ExistingBinding {
    /// The exchange. Empty for the default exchange.
    pub source: String,
    /// The queue or exchange.
    pub destination: String,
    /// The routing key.
    pub routing_key: String,
    /// The arguments.
    #[serde(default)]
    pub arguments: Value,
}

/// Everything in a virtual host.
#[derive(Clone, Debug)]
pub struct Definitions {
    /// The queues.
    pub queues: Vec<ExistingQueue>,
    /// The exchanges.
    pub exchanges: Vec<ExistingExchange>,
    /// The bindings.
    pub bindings: Vec<ExistingBinding>,
}

/// A client of the API that only reads.
pub struct Management {
    http: reqwest::Client,
    /// One for each node.
    bases: Vec<Base>,
    vhost: String,
}

struct Base {
    /// Without the login.
    url: Url,
    user: String,
    password: SecretString,
}

impl Management {
    /// Uses `RABBITMQ_MANAGEMENT_URL`, or the default port on the nodes of the broker.
    ///
    /// # Errors
    ///
    /// Fails if the HTTP client cannot be built.
    pub fn new(settings: &BrokerSettings) -> Result<Self, ManagementError> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        let addresses = settings.addresses.all();
        let bases = match &settings.management_url {
            Some(url) => vec![Base::of_url(url.expose_secret())],
            None => addresses.iter().map(Base::of_node).collect(),
        };
        Ok(Self {
            http,
            bases: bases.into_iter().flatten().collect(),
            vhost: settings.addresses.vhost().to_owned(),
        })
    }

    /// Returns everything in the virtual host.
    ///
    /// # Errors
    ///
    /// Returns the error of the last node if no node can be used.
    pub async fn definitions(&self) -> Result<Definitions, ManagementError> {
        self.ask(|base| self.definitions_of(base).boxed()).await
    }

    /// Returns the bindings in the virtual host.
    ///
    /// # Errors
    ///
    /// Returns the error of the last node if no node can be used.
    pub(super) async fn bindings(&self) -> Result<Vec<ExistingBinding>, ManagementError> {
        self.ask(|base| self.bindings_of(base).boxed()).await
    }

    /// Returns how many messages each queue in the virtual host has.
    ///
    /// # Errors
    ///
    /// Returns the error of the last node if no node can be used.
    pub async fn queue_totals(&self) -> Result<Vec<QueueTotal>, ManagementError> {
        const COLUMNS: &str = "columns=name,messages,messages_dlx";
        self.ask(|base| self.get(base, "queues", COLUMNS).boxed())
            .await
    }

    /// Asks one node after the other until one answers.
    async fn ask<'s, T>(
        &'s self,
        question: impl Fn(&'s Base) -> BoxFuture<'s, Result<T, ManagementError>>,
    ) -> Result<T, ManagementError> {
        let mut result = Err(ManagementError::Http("there is no address".to_owned()));
        for base in &self.bases {
            result = question(base).await;
            if result.is_ok() {
                break;
            }
        }
        result
    }

    async fn definitions_of(&self, base: &Base) -> Result<Definitions, ManagementError> {
        const QUEUES: &str =
            "columns=name,arguments,policy,operator_policy,effective_policy_definition";
        const EXCHANGES: &str = "columns=name,type,arguments";
        Ok(Definitions {
            queues: self.get(base, "queues", QUEUES).await?,
            exchanges: self.get(base, "exchanges", EXCHANGES).await?,
            bindings: self.bindings_of(base).await?,
        })
    }

    async fn bindings_of(&self, base: &Base) -> Result<Vec<ExistingBinding>, ManagementError> {
        const COLUMNS: &str = "columns=source,destination,routing_key,arguments";
        self.get(base, "bindings", COLUMNS).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        base: &Base,
        kind: &str,
        query: &str,
    ) -> Result<Vec<T>, ManagementError> {
        let mut url = base.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", kind, &self.vhost]);
        }
        url.set_query(Some(query));
        let request = self.http.get(url);
        let request = request.basic_auth(&base.user, Some(base.password.expose_secret()));
        let mut response = request.send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_RESPONSE {
                return Err(ManagementError::Response("it is too large".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|error| ManagementError::Response(error.to_string()))
    }
}

impl Base {
    fn of_url(text: &str) -> Option<Self> {
        let mut url = Url::parse(text).ok()?;
        let decoded = |text: &str| {
            let decoded = percent_encoding::percent_decode_str(text);
            decoded.decode_utf8_lossy().into_owned()
        };
        let user = decoded(url.username());
        let password = decoded(url.password().unwrap_or_default()).into();
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
        Some(Self {
            url,
            user,
            password,
        })
    }

    fn of_node(address: &Address) -> Option<Self> {
        let uri = address.uri();
        let (scheme, port) = match uri.scheme {
            AMQPScheme::AMQP => ("http", PORT),
            AMQPScheme::AMQPS => ("https", TLS_PORT),
        };
        let host = &uri.authority.host;
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        Some(Self {
            url: Url::parse(&format!("{scheme}://{host}:{port}")).ok()?,
            user: uri.authority.userinfo.username.clone(),
            password: uri.authority.userinfo.password.clone().into(),
        })
    }
}

/// The members of a JSON object. RabbitMQ writes an empty object as an empty list.
pub(super) fn members(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Addresses;

    #[test]
    fn the_login_is_not_part_of_the_url() {
        let base = Base::of_url("https://us%40er:hunter2@b.example/rabbit/").expect("a URL");
        assert_eq!(base.url.as_str(), "https://b.example/rabbit/");
        assert_eq!(base.user, "us@er");
        assert_eq!(base.password.expose_secret(), "hunter2");
    }

    #[test]
    fn a_node_has_the_plugin_on_its_default_port() {
        for (uri, url) in [
            ("amqp://u:p@a:1/v", "http://a:15672/"),
            ("amqps://u:p@a/v", "https://a:15671/"),
            ("amqp://u:p@[::1]/v", "http://[::1]:15672/"),
        ] {
            let addresses = Addresses::one(uri).expect("an address");
            let base = Base::of_node(&addresses.all()[0]).expect("a URL");
            assert_eq!(base.url.as_str(), url);
        }
    }
}
