//! The checks of RabbitMQ.

use std::fmt::Display;
use std::time::Duration;

use futures_util::future::join_all;
use tidings_broker::BrokerSettings;
use tidings_broker::{Address, ProbeError, Stage, Topology};

use super::{CheckResults, topology};

/// The first RabbitMQ whose quorum queues have at-least-once dead-lettering and message TTL.
const MIN_VERSION: (u32, u32) = (3, 10);

/// How long RabbitMQ may take for one check.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Checks that RabbitMQ is reachable and new enough, that its queues are those of this version, and that there are
/// no dead letters. Declares and changes nothing.
pub async fn check(settings: &BrokerSettings, results: &mut CheckResults) {
    let nodes = settings.addresses.all();
    let versions = join_all(nodes.iter().map(tidings_broker::server_version)).await;
    check_nodes(nodes, &versions, results);
    let connection = match tidings_broker::connect(settings, "tidings: doctor").await {
        Ok(connection) => connection,
        Err(error) => {
            // The check of the nodes has reported unreachable nodes already. A node may also refuse the login.
            if !results.has("rabbitmq") {
                report_unreachable(results, &error);
            }
            return;
        }
    };
    let topology = Topology::of(settings);
    let missing = in_time(tidings_broker::missing(&connection, &topology)).await;
    topology::report_missing(missing, results);
    topology::check_details(settings, &topology, results).await;
    let queue = &settings.names.dlq;
    match in_time(tidings_broker::queue_depth(&connection, queue)).await {
        Ok(Some(0)) => results.ok("dead-letters", format!("no dead letters in {queue}")),
        Ok(Some(1)) => report_dead_letters(results, &format!("there is 1 dead letter in {queue}")),
        Ok(Some(n)) => report_dead_letters(results, &format!("there are {n} dead letters in {queue}")),
        Ok(None) => results.error(
            "dead-letters",
            format!("there is no queue {queue}"),
            topology::DECLARE_REMEDY,
        ),
        Err(error) => results.error(
            "dead-letters",
            format!("cannot count the dead letters: {error}"),
            "check the log of the broker: the user of the programs needs the permission read on the virtual host",
        ),
    }
    check_first_messages(settings, results).await;
    // The process exits next, so it does not matter whether this succeeds.
    tidings_broker::disconnect(&connection).await;
}

/// Looks for messages that cannot be parsed: they stop the consumers of their queue.
async fn check_first_messages(settings: &BrokerSettings, results: &mut CheckResults) {
    let queues = Stage::ALL.map(|stage| stage.queue(&settings.names));
    for queue in queues.iter().chain([&settings.names.dlq]) {
        let asked = in_time(tidings_broker::first_is_unreadable(settings, queue)).await;
        if asked == Ok(true) {
            results.error(
                "unreadable-message",
                format!(
                    "the first message of {queue} cannot be parsed; nothing behind it is consumed"
                ),
                tidings_broker::unreadable_remedy(queue),
            );
        }
    }
}

/// Runs `work` with a timeout, and returns the error as text.
pub(super) async fn in_time<T, E: Display>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match tokio::time::timeout(TIMEOUT, work).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no response within {} s", TIMEOUT.as_secs())),
    }
}

/// An unreachable node is a warning if another node is reachable: the programs use that one.
fn check_nodes(
    nodes: &[Address],
    versions: &[Result<String, ProbeError>],
    results: &mut CheckResults,
) {
    let any = versions.iter().any(Result::is_ok);
    for (node, version) in nodes.iter().zip(versions) {
        match version {
            Ok(version) => check_version(node, version, results),
            Err(error) if any => results.warn(
                "rabbitmq-node",
                format!("RabbitMQ at {node} cannot be used: {error}"),
                "start that node, or correct RABBITMQ_URLS; meanwhile the programs use the others",
            ),
            Err(error) => report_unreachable(results, &format_args!("{node}: {error}")),
        }
    }
}

fn report_unreachable(results: &mut CheckResults, error: &dyn Display) {
    results.error(
        "rabbitmq",
        format!("RabbitMQ cannot be used: {error}"),
        "start it, or correct host, port, user, password and virtual host in RABBITMQ_URL or RABBITMQ_URLS",
    );
}

fn report_dead_letters(results: &mut CheckResults, message: &str) {
    results.warn(
        "dead-letters",
        message,
        "`tidings dlq list` shows the reasons; then run `tidings dlq replay` or `tidings dlq purge`",
    );
}

fn check_version(node: &Address, version: &str, results: &mut CheckResults) {
    let message = format!("RabbitMQ {version} responds at {node}");
    match major_minor(version) {
        Some(read) if read < MIN_VERSION => results.error(
            "rabbitmq-version",
            format!("{message}, but Tidings needs 3.10 or later"),
            "upgrade it; see \"Upgrading\" in the documentation of RabbitMQ",
        ),
        Some(_) => results.ok("rabbitmq-version", message),
        None => results.warn(
            "rabbitmq-version",
            format!("{message}, but the version has an unknown format"),
            "make sure that it is RabbitMQ 3.10 or later",
        ),
    }
}

/// `3.10.8` → (3, 10), `4.1.0-rc.1` → (4, 1).
fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use tidings_broker::Addresses;

    use super::super::Severity;
    use super::*;

    fn nodes(list: &str) -> Addresses {
        Addresses::list(list).expect("addresses")
    }

    #[test]
    fn an_unreachable_node_is_an_error_only_if_no_other_is_reachable() {
        let unreachable = || Err(ProbeError::TimedOut);
        let reachable = || Ok("4.0.5".to_owned());
        for (versions, severities) in [
            (
                [reachable(), unreachable()],
                [Severity::Ok, Severity::Warning],
            ),
            (
                [unreachable(), unreachable()],
                [Severity::Error, Severity::Error],
            ),
        ] {
            let mut results = CheckResults::default();
            check_nodes(
                nodes("amqp://u:hunter2@a,amqp://u:hunter2@b").all(),
                &versions,
                &mut results,
            );
            let found: Vec<_> = results.0.iter().map(|result| result.severity).collect();
            assert_eq!(found, severities);
            let last = &results.0[1].message;
            assert!(
                last.contains("b:5672") && !last.contains("hunter2"),
                "{last}"
            );
        }
    }

    #[test]
    fn versions_are_compared_by_number() {
        for (version, severity) in [
            ("3.9.29", Severity::Error),
            ("3.10.8", Severity::Ok),
            ("4.0.5", Severity::Ok),
            ("4.1.0-rc.1", Severity::Ok),
            ("latest", Severity::Warning),
        ] {
            let mut results = CheckResults::default();
            check_version(&nodes("amqp://a").all()[0], version, &mut results);
            assert_eq!(results.0[0].severity, severity, "{version}");
        }
    }
}
