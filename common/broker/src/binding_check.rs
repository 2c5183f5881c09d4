//! Restores bindings that were removed. AMQP cannot tell whether a binding exists, but binding again is harmless.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lapin::Connection;
use tokio::time::{Instant, timeout};

use crate::connector::SETUP_TIMEOUT;
use crate::declare::{ACCESS_REFUSED, bind_all, queue_depth, reply_code};
use crate::drift::missing_bindings;
use crate::management::Management;
use crate::settings::BrokerSettings;
use crate::topology::Topology;
use crate::unrouted::restore_unrouted;

/// How often everything is bound again although nothing suggests that a binding is missing.
const BIND_INTERVAL: Duration = Duration::from_secs(10);

/// Minimum time between two checks if something suggests it. An installation may have dead letters all the time.
const SUSPICION_INTERVAL: Duration = Duration::from_secs(10);

/// Watches the bindings on one connection.
///
/// A message that a missing binding concerns becomes a dead letter, by the alternate exchange, or the broker returns it.
/// So a dead-letter queue that grows, or a returned message, is the reason to bind everything again.
pub(crate) struct BindingCheck<'c> {
    settings: &'c BrokerSettings,
    topology: &'c Topology,
    /// Set when the broker has returned a message.
    returned: Arc<AtomicBool>,
    /// The last known depth of the dead-letter queue.
    letters: Option<u32>,
    suspicious: bool,
    checked: Option<Instant>,
    bound: Instant,
    permitted: bool,
}

impl<'c> BindingCheck<'c> {
    pub(crate) fn new(
        settings: &'c BrokerSettings,
        topology: &'c Topology,
        returned: Arc<AtomicBool>,
    ) -> Self {
        Self {
            settings,
            topology,
            returned,
            letters: None,
            suspicious: false,
            checked: None,
            // The bindings were declared just now, or by an earlier connection.
            bound: Instant::now(),
            permitted: true,
        }
    }

    /// Binds everything again if there is reason to. Returns messages to their queues if they became dead letters because
    /// a binding was missing.
    pub(crate) async fn run(&mut self, connection: &Connection) {
        if !self.permitted {
            return;
        }
        self.observe(self.count_letters(connection).await);
        if !self.is_due() {
            return;
        }
        if self.suspicious {
            self.checked = Some(Instant::now());
            self.suspicious = false;
        }
        // Before everything is bound again: afterwards nothing is missing, for the other programs neither. So they do not
        // learn what this program restores, even if nothing suggested it.
        let missing = self.missing().await;
        match timeout(SETUP_TIMEOUT, bind_all(connection, self.topology)).await {
            Ok(Ok(())) => {
                tracing::debug!("everything is bound again");
                self.bound = Instant::now();
            }
            // Each attempt would be an error in the broker's log.
            Ok(Err(error)) if reply_code(&error) == Some(ACCESS_REFUSED) => self.permitted = false,
            // The connection has ended, a queue is missing, or a node of the cluster does not respond.
            Ok(Err(error)) => tracing::debug!(%error, "cannot bind everything again"),
            Err(_) => tracing::debug!("RabbitMQ does not bind everything again in time"),
        }
        if !missing.is_empty() {
            tracing::warn!(
                bindings = missing.join("; "),
                "bindings were missing and are restored"
            );
            tokio::spawn(restore_unrouted(self.settings.clone()));
        }
    }

    /// Returns the depth of the dead-letter queue, or `None` if RabbitMQ does not answer.
    async fn count_letters(&self, connection: &Connection) -> Option<u32> {
        let asking = queue_depth(connection, &self.settings.names.dlq);
        let asked = timeout(SETUP_TIMEOUT, asking).await;
        asked.ok().and_then(Result::ok).flatten()
    }

    /// Takes note of what suggests that a binding is missing.
    fn observe(&mut self, letters: Option<u32>) {
        if let (Some(before), Some(now)) = (self.letters, letters)
            && now > before
        {
            self.suspicious = true;
        }
        self.letters = letters.or(self.letters);
        if self.returned.swap(false, Ordering::Relaxed) {
            self.suspicious = true;
        }
    }

    fn is_due(&self) -> bool {
        let is_allowed = self
            .checked
            .is_none_or(|checked| checked.elapsed() >= SUSPICION_INTERVAL);
        (self.suspicious && is_allowed) || self.bound.elapsed() >= BIND_INTERVAL
    }

    /// Asks the management plugin for the bindings that are missing. Returns none if the plugin cannot be used: then the
    /// dead letters remain, and `tidings dlq replay --from-queue --reason unrouted` returns them.
    async fn missing(&self) -> Vec<String> {
        let asked = match Management::new(self.settings) {
            Ok(management) => management.bindings().await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(bindings) => missing_bindings(&self.topology.queues, &bindings),
            Err(error) => {
                tracing::debug!(%error, "cannot ask for the bindings");
                Vec::new()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tidings_settings::Reader;
    use tokio::time::advance;

    use super::*;

    fn settings() -> BrokerSettings {
        let url = ("RABBITMQ_URL".to_owned(), "amqp://127.0.0.1".to_owned());
        BrokerSettings::read(&mut Reader::from_vars([url])).expect("settings")
    }

    #[tokio::test(start_paused = true)]
    async fn new_dead_letters_and_returned_messages_are_reasons_to_bind_again() {
        let settings = settings();
        let topology = Topology::of(&settings);
        let returned = Arc::new(AtomicBool::new(false));
        let mut check = BindingCheck::new(&settings, &topology, Arc::clone(&returned));
        for (letters, is_due) in [
            // How many there were before is not known.
            (Some(7), false),
            (Some(7), false),
            (Some(3), false),
            (None, false),
            (Some(4), true),
        ] {
            check.observe(letters);
            assert_eq!(check.is_due(), is_due, "{letters:?}");
        }
        check.suspicious = false;
        returned.store(true, Ordering::Relaxed);
        check.observe(Some(4));
        assert!(check.is_due());
    }

    #[tokio::test(start_paused = true)]
    async fn everything_is_bound_again_now_and_then_and_not_too_often() {
        let settings = settings();
        let topology = Topology::of(&settings);
        let mut check = BindingCheck::new(&settings, &topology, Arc::default());
        check.checked = Some(Instant::now());
        check.suspicious = true;
        assert!(!check.is_due());
        advance(SUSPICION_INTERVAL).await;
        check.bound = Instant::now();
        assert!(check.is_due());
        check.suspicious = false;
        assert!(!check.is_due());
        advance(BIND_INTERVAL).await;
        assert!(check.is_due());
    }
}
