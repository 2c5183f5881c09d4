//! The webhook provider `http`: its requests, its reports, and the addresses that it refuses.

mod connections;
mod host_names;
mod internal_addresses;
mod requests;
mod responses;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::json;
use tidings_domain::content::Webhook;
use tidings_domain::notification::MessageId;
use tidings_settings::Reader;
use tidings_worker::providers::webhook::{Lookup, WebhookSender, WebhookSettings};
use tidings_worker::providers::{Provider, SendOutcome, WebhookMessage};

/// Long enough for a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// Creates a sender with these settings.
fn sender(settings: &[(&str, &str)]) -> WebhookSender {
    let resolver = Arc::new(TestResolver::default());
    sender_with(settings, LONG, &resolver)
}

fn sender_with(
    settings: &[(&str, &str)],
    timeout: Duration,
    resolver: &Arc<TestResolver>,
) -> WebhookSender {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut reader = Reader::from_vars(settings.iter().map(own));
    let settings = WebhookSettings::read(&mut reader);
    let settings = reader.finish(settings).expect("right settings");
    let lookup: Arc<dyn Lookup> = resolver.clone();
    WebhookSender::with_lookup(&settings, timeout, &lookup).expect("a sender")
}

fn message(url: &str) -> WebhookMessage {
    WebhookMessage {
        id: MessageId::generate(),
        to: url.parse().unwrap_or_else(|_| panic!("{url}: no URL")),
        accepted_at: Timestamp::now(),
        secrets: Vec::new(),
        webhook: Webhook {
            to: None,
            endpoint_id: None,
            event: "order.shipped".to_owned(),
            data: json!({"order": 17}).into(),
        },
    }
}

async fn send(sender: &WebhookSender, url: &str) -> SendOutcome {
    sender.send(&message(url)).await
}

/// Checks that the address policy refused, with its error.
#[track_caller]
fn assert_refused(report: &SendOutcome, url: &str) {
    match report {
        SendOutcome::NotSent { error } => {
            assert!(error.starts_with("url must "), "{url}: {error}");
            assert!(error.contains("WEBHOOK_ALLOW_"), "{url}: {error}");
        }
        other => panic!("{url}: {other:?}"),
    }
}

/// A DNS resolver for tests. Each lookup of a name returns its next answer, and the last one repeatedly. The lookup
/// of a name without answers never ends.
#[derive(Default)]
struct TestResolver {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    lookups: AtomicUsize,
}

impl TestResolver {
    fn with(name: &str, answers: &[&[&str]]) -> Arc<Self> {
        let resolver = Self::default();
        resolver.add(name, answers);
        Arc::new(resolver)
    }

    fn add(&self, name: &str, answers: &[&[&str]]) {
        let parse = |text: &&str| text.parse().expect("an address");
        let answers = answers
            .iter()
            .map(|found| found.iter().map(parse).collect());
        let mut all = self.answers.lock().expect("not poisoned");
        all.insert(name.to_owned(), answers.collect());
    }

    fn lookups(&self) -> usize {
        self.lookups.load(Ordering::Relaxed)
    }
}

impl Lookup for TestResolver {
    fn addresses(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        let mut all = self.answers.lock().expect("not poisoned");
        let found = match all.get_mut(name) {
            None => Err(io::Error::other("no such name")),
            Some(answers) if answers.is_empty() => return Box::pin(std::future::pending()),
            Some(answers) if answers.len() > 1 => Ok(answers.remove(0)),
            Some(answers) => Ok(answers[0].clone()),
        };
        Box::pin(std::future::ready(found))
    }
}
