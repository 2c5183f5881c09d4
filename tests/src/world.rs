use std::collections::BTreeMap;
use std::process::{Command, Output};

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tidings_broker::BrokerSettings;
use tidings_broker::{Topology, declare};
use tidings_domain::notification::{Channel, MessageId, Notification, UserId};
use tidings_settings::Reader;

use crate::amqp::Amqp;
use crate::database::TestDatabase;
use crate::program::{Kind, Program};
use crate::servers::{Servers, program_path};
use crate::tokens;
use crate::vhost::Vhost;

/// Settings of a program, by the names of their environment variables.
pub type Settings = BTreeMap<String, String>;

/// One installation of Tidings: a virtual host and a database of the test's own, and the settings
/// with which programs are started in them. Programs must be dropped before it.
pub struct World {
    /// Migrated.
    pub database: TestDatabase,
    /// Empty until a program is started.
    pub vhost: Vhost,
    /// A user that is there.
    pub user: UserId,
    settings: Settings,
}

impl World {
    /// On the shared servers.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// On the shared servers, with settings beside those that every test needs.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(&Servers::shared(), settings).await
    }

    /// On these servers, with more settings.
    pub async fn on(servers: &Servers, more: &[(&str, &str)]) -> Self {
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

    /// The shared installation, with this database and a new user.
    pub(crate) async fn attached(database_url: &str) -> Self {
        let database = TestDatabase::shared(database_url);
        let vhost = Vhost::shared(&Servers::shared());
        let settings = settings_of(&database, &vhost);
        Self {
            user: database.user().await,
            database,
            vhost,
            settings,
        }
    }

    /// What programs are started with, with `more` in addition or instead.
    #[must_use]
    pub fn settings(&self, more: &[(&str, &str)]) -> Settings {
        let mut settings = self.settings.clone();
        extend(&mut settings, more);
        settings
    }

    /// The API, ready.
    pub async fn api(&self) -> Program {
        self.start(Kind::Api, &[]).await
    }

    /// The worker, ready.
    pub async fn worker(&self) -> Program {
        self.start(Kind::Worker, &[]).await
    }

    /// A program with `more` settings, ready.
    pub async fn start(&self, kind: Kind, more: &[(&str, &str)]) -> Program {
        let program = Program::start(kind, self.settings(more)).await;
        program.until_ready().await;
        program
    }

    /// What the programs go by on the broker.
    #[must_use]
    pub fn broker_settings(&self, more: &[(&str, &str)]) -> BrokerSettings {
        let mut reader = Reader::from_vars(self.settings(more));
        let settings = BrokerSettings::read(&mut reader);
        reader.finish(settings).expect("broker settings")
    }

    /// A connection to the virtual host.
    pub async fn amqp(&self) -> Amqp {
        Amqp::connect(self.broker_settings(&[])).await
    }

    /// A connection to the virtual host, in which everything has been declared as the programs
    /// would, with `more` settings.
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

    /// The body of a POST: an in-app notification for the world's user.
    #[must_use]
    pub fn in_app(&self) -> Value {
        notification(self.user, Channel::InApp)
    }

    /// A notification on its way to the worker: in-app, for the world's user.
    #[must_use]
    pub fn wire(&self) -> Notification {
        Notification {
            message_id: MessageId::generate(),
            user_id: self.user,
            channel: Channel::InApp,
            accepted_at: Timestamp::now(),
            payload: RawValue::from_string(r#"{"title":"Your order has shipped!"}"#.to_owned())
                .expect("JSON"),
            template: None,
        }
    }
}

/// The settings that every test needs.
fn settings_of(database: &TestDatabase, vhost: &Vhost) -> Settings {
    let (broker, value) = vhost.setting();
    let mut settings = Settings::from([(broker.to_owned(), value)]);
    for (name, value) in [
        ("APP_ENV", "development"),
        ("LOG_LEVEL", "info"),
        ("JWT_SECRET", tokens::SECRET),
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

/// The body of a POST: right for its channel, to whatever address the user has.
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

/// Adds `more`. An installation that becomes one of production loses the providers that it refuses.
fn extend(settings: &mut Settings, more: &[(&str, &str)]) {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    settings.extend(more.iter().map(own));
    if settings["APP_ENV"] == "production" {
        settings.retain(|_, value| value != "sandbox");
    }
}
