use std::collections::BTreeMap;
use std::process::{Command, Output};

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tidings_broker::BrokerSettings;
use tidings_broker::{Topology, declare};
use tidings_domain::notification::{Channel, MessageId, Notification, UserId};
use tidings_domain::time::DeliveryWindow;
use tidings_settings::Reader;

use crate::amqp::Amqp;
use crate::database::TestDatabase;
use crate::program::{Program, ProgramKind};
use crate::secret_keys;
use crate::servers::{ServerUrls, program_path};
use crate::tokens;
use crate::vhost::Vhost;

/// The settings of a program as environment variables.
pub type EnvVars = BTreeMap<String, String>;

/// One installation of Tidings: a virtual host, a database, and the settings of the programs. Programs must be
/// dropped before it.
pub struct World {
    /// The database, with the current schema.
    pub database: TestDatabase,
    /// The virtual host, empty until a program declares its queues.
    pub vhost: Vhost,
    /// An existing user.
    pub user: UserId,
    settings: EnvVars,
}

impl World {
    /// Creates an installation on the shared servers.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// Creates an installation on the shared servers, with more settings.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(&ServerUrls::shared(), settings).await
    }

    /// Creates an installation on these servers, with more settings.
    pub async fn on(servers: &ServerUrls, more: &[(&str, &str)]) -> Self {
        let (database, vhost) = tokio::join!(TestDatabase::migrated(servers), Vhost::new(servers));
        let mut settings = settings_of(&database, &vhost);
        extend(&mut settings, more);
        Self {
            user: database.user().await,
            database,
            vhost,
            settings,
        }
    }

    /// Returns the shared installation, with a new user.
    pub(crate) async fn attached(database_url: &str) -> Self {
        let database = TestDatabase::shared(database_url);
        let vhost = Vhost::shared(&ServerUrls::shared());
        let settings = settings_of(&database, &vhost);
        Self {
            user: database.user().await,
            database,
            vhost,
            settings,
        }
    }

    /// Returns the settings of programs, with `more` added or replaced.
    #[must_use]
    pub fn settings(&self, more: &[(&str, &str)]) -> EnvVars {
        let mut settings = self.settings.clone();
        extend(&mut settings, more);
        settings
    }

    /// Starts an API and waits until it is ready and connected.
    pub async fn api(&self) -> Program {
        self.start(ProgramKind::Api, &[]).await
    }

    /// Starts a worker and waits until it is ready and connected.
    pub async fn worker(&self) -> Program {
        self.start(ProgramKind::Worker, &[]).await
    }

    /// Starts a program with `more` settings and waits until it is ready and connected to both servers.
    pub async fn start(&self, kind: ProgramKind, more: &[(&str, &str)]) -> Program {
        let program = Program::start(kind, self.settings(more)).await;
        program.until_connected().await;
        program
    }

    /// Returns the broker settings of programs.
    #[must_use]
    pub fn broker_settings(&self, more: &[(&str, &str)]) -> BrokerSettings {
        let mut reader = Reader::from_vars(self.settings(more));
        let settings = BrokerSettings::read(&mut reader);
        reader.finish(settings).expect("broker settings")
    }

    /// Connects to the virtual host.
    pub async fn amqp(&self) -> Amqp {
        Amqp::connect(self.broker_settings(&[])).await
    }

    /// Connects to the virtual host and declares the topology like a program with `more` settings.
    pub async fn declared(&self, more: &[(&str, &str)]) -> Amqp {
        let amqp = Amqp::connect(self.broker_settings(more)).await;
        let topology = Topology::of(&amqp.settings);
        declare(&amqp.connection, &topology)
            .await
            .expect("the topology");
        amqp
    }

    /// Runs the tool `tidings`.
    #[must_use]
    pub fn tidings(&self, arguments: &[&str]) -> Output {
        self.tidings_with(&[], arguments)
    }

    /// Runs the tool `tidings` with `more` settings.
    #[must_use]
    pub fn tidings_with(&self, more: &[(&str, &str)], arguments: &[&str]) -> Output {
        Command::new(program_path("tidings"))
            .env_clear()
            .envs(self.settings(more))
            .current_dir(std::env::temp_dir())
            .args(arguments)
            .output()
            .expect("its output")
    }

    /// Returns the body of a POST: an in-app notification for the user.
    #[must_use]
    pub fn in_app(&self) -> Value {
        notification(self.user, Channel::InApp)
    }

    /// Returns a notification as the API publishes it: in-app, for the user.
    #[must_use]
    pub fn wire(&self) -> Notification {
        Notification {
            message_id: MessageId::generate(),
            user_id: Some(self.user),
            channel: Channel::InApp,
            accepted_at: Timestamp::now(),
            payload: RawValue::from_string(r#"{"title":"Your order has shipped!"}"#.to_owned())
                .expect("JSON"),
            template: None,
            sender: Some("tests".to_owned()),
            group: None,
            window: DeliveryWindow::default(),
            fingerprint: None,
            sensitive: false,
            category: None,
            digest_key: None,
            trace: None,
        }
    }
}

/// Returns the settings that every test needs.
fn settings_of(database: &TestDatabase, vhost: &Vhost) -> EnvVars {
    let (broker, value) = vhost.setting();
    let management = vhost.management.url().to_owned();
    let mut settings = EnvVars::from([
        (broker.to_owned(), value),
        ("RABBITMQ_MANAGEMENT_URL".to_owned(), management),
    ]);
    for (name, value) in [
        ("APP_ENV", "development"),
        ("LOG_LEVEL", "info"),
        ("JWT_SECRET", tokens::SECRET),
        ("SECRETS_KEY", secret_keys::KEY),
        ("DATABASE_URL", database.url()),
        // Every channel has a provider, and no worker delivers.
        ("EMAIL_PROVIDER", "sandbox"),
        ("SMS_PROVIDER", "sandbox"),
        ("PUSH_PROVIDER", "sandbox"),
        ("WEBHOOK_PROVIDER", "sandbox"),
        ("WORKER_CHANNELS", "intake"),
        // Fewer rungs mean fewer queues to declare in each test.
        ("WEBHOOK_MAX_RETRIES", "3"),
    ] {
        settings.insert(name.to_owned(), value.to_owned());
    }
    settings
}

/// Returns the body of a valid POST for this channel, without an address.
#[must_use]
pub fn notification(user: UserId, channel: Channel) -> Value {
    let payload = match channel {
        Channel::InApp => json!({"title": "Your order has shipped!"}),
        Channel::Email => json!({"subject": "Your order", "text": "It has shipped!"}),
        Channel::Sms => json!({"text": "Your order has shipped!"}),
        Channel::Push => json!({"title": "Your order", "body": "It has shipped!"}),
        Channel::Webhook => json!({"event": "order.shipped", "data": {"order": 7}}),
    };
    json!({"targetUserId": user, "type": channel.as_str(), "payload": payload})
}

/// Adds `more` settings. Production accepts no sandbox providers, so these are removed.
fn extend(settings: &mut EnvVars, more: &[(&str, &str)]) {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    settings.extend(more.iter().map(own));
    if settings["APP_ENV"] == "production" {
        settings.retain(|_, value| value != "sandbox");
    }
}
