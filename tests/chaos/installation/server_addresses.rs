use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use reqwest::Url;
use tidings_tests::tokens;

use super::dev_servers::DevServers;
use crate::components::{Component, Link};
use crate::guests;
use crate::proxy::Proxy;

/// The addresses of the servers, without proxies.
pub(super) struct ServerAddresses {
    pub(super) database: Url,
    /// The file that steps PostgreSQL's clock.
    pub(super) clock: PathBuf,
    pub(super) nodes: Vec<Url>,
    /// The management plugin of each node.
    pub(super) management: Vec<Url>,
}

impl ServerAddresses {
    pub(super) fn read(servers: &DevServers) -> anyhow::Result<Self> {
        // A cluster has the variable for several.
        let urls = |several: &str, one: &str| -> anyhow::Result<Vec<Url>> {
            let list = servers
                .variable(several)
                .or_else(|_| servers.variable(one))?;
            let parsed = list.split(',').map(|url| Ok(url.parse()?));
            parsed.collect()
        };
        Ok(Self {
            database: servers.variable("DATABASE_URL")?.parse()?,
            clock: servers.variable("POSTGRES_CLOCK")?.into(),
            nodes: urls("RABBITMQ_URLS", "RABBITMQ_URL")?,
            management: urls("RABBITMQ_MANAGEMENT_URLS", "RABBITMQ_MANAGEMENT_URL")?,
        })
    }

    /// Returns the settings of a process.
    pub(super) fn settings(
        &self,
        component: Component,
        links: &BTreeMap<Link, Arc<Proxy>>,
        sandbox: &Path,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let through = |to: Component, url: &Url| -> anyhow::Result<Url> {
            let link = Link {
                from: component,
                to,
            };
            let proxy = links.get(&link).with_context(|| format!("no {link}"))?;
            let mut url = url.clone();
            url.set_port(Some(proxy.port()))
                .map_err(|()| anyhow::anyhow!("no port in {url}"))?;
            Ok(url)
        };
        let database = through(Component::Postgres, &self.database)?;
        let nodes = self.nodes.iter().enumerate();
        let nodes: Vec<_> = nodes
            .map(|(n, url)| through(Component::RabbitMq(n), url))
            .collect::<anyhow::Result<_>>()?;
        let sandbox = sandbox.to_str().context("a path in UTF-8")?;
        let mut settings = broker_settings(&nodes);
        for (name, value) in [
            ("APP_ENV", "development"),
            ("LOG_LEVEL", "info"),
            ("JWT_SECRET", tokens::SECRET),
            ("DATABASE_URL", database.as_str()),
            ("API_PORT", "0"),
            ("WORKER_PORT", "0"),
            ("EMAIL_PROVIDER", "sandbox"),
            ("SMS_PROVIDER", "sandbox"),
            ("PUSH_PROVIDER", "sandbox"),
            ("WEBHOOK_PROVIDER", "sandbox"),
            ("SANDBOX_DIR", sandbox),
            // Shorter than the quiet hours of the run.
            ("QUIET_SPREAD_SECS", "10"),
        ] {
            settings.insert(name.to_owned(), value.to_owned());
        }
        for (name, value) in guests::SETTINGS {
            settings.insert(name.to_owned(), value.to_owned());
        }
        if let Some(stages) = stages(component) {
            settings.insert("WORKER_CHANNELS".to_owned(), stages.to_owned());
        }
        Ok(settings)
    }

    /// Returns the broker settings without proxies.
    pub(super) fn direct_settings(&self) -> BTreeMap<String, String> {
        broker_settings(&self.nodes)
    }
}

/// Returns the stages of a worker. Schedulers have processes of their own, so that each can be killed without the other
/// stages.
const fn stages(component: Component) -> Option<&'static str> {
    match component {
        Component::Worker(_) => Some("intake,email,sms,push,webhook"),
        Component::Scheduler(_) => Some("scheduler"),
        _ => None,
    }
}

fn broker_settings(nodes: &[Url]) -> BTreeMap<String, String> {
    let urls: Vec<_> = nodes.iter().map(Url::as_str).collect();
    let settings = match urls[..] {
        [one] => vec![("RABBITMQ_URL", one.to_owned())],
        _ => vec![
            ("RABBITMQ_URLS", urls.join(",")),
            ("QUORUM_SIZE", urls.len().to_string()),
        ],
    };
    let own = |(name, value): (&str, String)| (name.to_owned(), value);
    settings.into_iter().map(own).collect()
}

/// Returns the port of `url`.
pub(super) fn port(url: &Url) -> anyhow::Result<u16> {
    url.port().with_context(|| format!("no port in {url}"))
}
