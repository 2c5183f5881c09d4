use std::fmt::Display;
use std::time::Duration;

use futures_util::future::join_all;
use tidings_broker::BrokerSettings;
use tidings_broker::{Address, GreetingError, Topology};

use super::Findings;

/// The oldest RabbitMQ that has quorum queues with at-least-once dead-lettering, and message TTL.
const OLDEST: (u32, u32) = (3, 10);

/// How long RabbitMQ may take for one check.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Checks RabbitMQ: there, new enough, declared as this version declares it, and nothing waiting for
/// somebody.
pub async fn check(settings: &BrokerSettings, findings: &mut Findings) {
    let nodes = settings.addresses.all();
    let greetings = join_all(nodes.iter().map(tidings_broker::server_version)).await;
    check_nodes(nodes, &greetings, findings);
    let connection = match tidings_broker::connect(settings, "tidings: doctor").await {
        Ok(connection) => connection,
        Err(error) => {
            // Once is enough, unless the broker greeted us and then refused us.
            if !findings.has("rabbitmq") {
                unreachable(findings, &error);
            }
            return;
        }
    };
    let topology = Topology::of(settings);
    match in_time(tidings_broker::declare(&connection, &topology)).await {
        Ok(drifted) => check_drift(&drifted, findings),
        Err(error) => findings.error(
            "topology",
            format!("the topology cannot be declared: {error}"),
            "look at the broker's log: the user whom the programs connect as needs the permissions configure, write and read on its virtual host, and every queue a majority of its nodes",
        ),
    }
    let queue = &settings.names.dlq;
    match in_time(tidings_broker::queue_depth(&connection, queue)).await {
        Ok(Some(0)) => findings.ok("dead-letters", format!("no dead letters in {queue}")),
        Ok(Some(1)) => dead_letters(findings, &format!("1 dead letter waits in {queue}")),
        Ok(Some(n)) => dead_letters(findings, &format!("{n} dead letters wait in {queue}")),
        Ok(None) => findings.error(
            "dead-letters",
            format!("there is no queue {queue}"),
            "run `tidings topology`",
        ),
        Err(error) => findings.error(
            "dead-letters",
            format!("cannot count the dead letters: {error}"),
            "look at the broker's log: the user whom the programs connect as needs the permission to read on its virtual host",
        ),
    }
    // Whether it is closed in good order does not matter to anybody.
    let _ = in_time(connection.close(200, "done".into())).await;
}

/// What went wrong, in words.
async fn in_time<T, E: Display>(work: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(TIMEOUT, work).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
    }
}

/// One node's silence is a warning where another answers: the programs use that one.
fn check_nodes(
    nodes: &[Address],
    greetings: &[Result<String, GreetingError>],
    findings: &mut Findings,
) {
    let any = greetings.iter().any(Result::is_ok);
    for (node, greeting) in nodes.iter().zip(greetings) {
        match greeting {
            Ok(version) => check_version(node, version, findings),
            Err(error) if any => findings.warn(
                "rabbitmq-node",
                format!("RabbitMQ at {node} cannot be used: {error}"),
                "start that node, or correct RABBITMQ_URLS; meanwhile the programs use the others",
            ),
            Err(error) => unreachable(findings, &format_args!("{node}: {error}")),
        }
    }
}

fn unreachable(findings: &mut Findings, error: &dyn Display) {
    findings.error(
        "rabbitmq",
        format!("RabbitMQ cannot be used: {error}"),
        "start it, or correct host, port, user, password and virtual host in RABBITMQ_URL or RABBITMQ_URLS",
    );
}

fn dead_letters(findings: &mut Findings, message: &str) {
    findings.warn(
        "dead-letters",
        message,
        "`tidings dlq list` says why; then `tidings dlq replay` or `tidings dlq purge`",
    );
}

fn check_version(node: &Address, version: &str, findings: &mut Findings) {
    let message = format!("RabbitMQ {version} answers at {node}");
    match major_minor(version) {
        Some(read) if read < OLDEST => findings.error(
            "rabbitmq-version",
            format!("{message}, but Tidings needs 3.10 or later"),
            "upgrade it; docs of RabbitMQ: Upgrading",
        ),
        Some(_) => findings.ok("rabbitmq-version", message),
        None => findings.warn(
            "rabbitmq-version",
            format!("{message}, a version that cannot be read"),
            "make sure that it is RabbitMQ 3.10 or later",
        ),
    }
}

/// `3.10.8` → (3, 10), `4.1.0-rc.1` → (4, 1).
fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn check_drift(drifted: &[String], findings: &mut Findings) {
    if drifted.is_empty() {
        findings.ok(
            "topology",
            "queues and exchanges are as this version declares them",
        );
        return;
    }
    findings.warn(
        "topology",
        format!(
            "these exist with other arguments than are set now, and are used as they are: {}",
            drifted.join(", ")
        ),
        "keep them, which works; or set back what has changed (QUORUM_SIZE); or replace them: stop \
         the API, let the worker empty its queues and stop it, replay or purge the dead letters, \
         delete these in the management UI, run `tidings topology` and start the programs again",
    );
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
    fn a_node_that_is_away_is_an_error_only_where_no_other_answers() {
        let away = || Err(GreetingError::TimedOut);
        let there = || Ok("4.0.5".to_owned());
        for (greetings, severities) in [
            ([there(), away()], [Severity::Ok, Severity::Warning]),
            ([away(), away()], [Severity::Error, Severity::Error]),
        ] {
            let mut findings = Findings::default();
            check_nodes(
                nodes("amqp://u:hunter2@a,amqp://u:hunter2@b").all(),
                &greetings,
                &mut findings,
            );
            let found: Vec<_> = findings.0.iter().map(|finding| finding.severity).collect();
            assert_eq!(found, severities);
            let last = &findings.0[1].message;
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
            let mut findings = Findings::default();
            check_version(&nodes("amqp://a").all()[0], version, &mut findings);
            assert_eq!(findings.0[0].severity, severity, "{version}");
        }
    }
}
