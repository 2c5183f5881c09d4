use std::fmt::Display;
use std::time::Duration;

use tidings_common::broker::{self, Topology};
use tidings_common::settings::BrokerSettings;

use super::Findings;

/// The oldest RabbitMQ that has quorum queues with at-least-once dead-lettering, and message TTL.
const OLDEST: (u32, u32) = (3, 10);

/// How long RabbitMQ may take for one check.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Checks RabbitMQ: there, new enough, declared as this version declares it, and nothing waiting for
/// somebody.
pub async fn check(settings: &BrokerSettings, findings: &mut Findings) {
    match broker::server_version(settings).await {
        Ok(version) => check_version(&version, findings),
        Err(error) => unreachable(findings, &error),
    }
    let connection = match broker::connect(settings, "tidings: doctor").await {
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
    match in_time(broker::declare(&connection, &topology)).await {
        Ok(drifted) => check_drift(&drifted, findings),
        Err(error) => findings.error(
            "topology",
            format!("the topology cannot be declared: {error}"),
            "look at the broker's log: the user of RABBITMQ_URL needs the permissions configure, write and read on its virtual host, and every queue a majority of its nodes",
        ),
    }
    let queue = &settings.names.dlq;
    match in_time(broker::queue_depth(&connection, queue)).await {
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
            "look at the broker's log: the user of RABBITMQ_URL needs the permission to read on its virtual host",
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

fn unreachable(findings: &mut Findings, error: &dyn Display) {
    findings.error(
        "rabbitmq",
        format!("RabbitMQ cannot be used: {error}"),
        "start it, or correct host, port, user, password and virtual host in RABBITMQ_URL",
    );
}

fn dead_letters(findings: &mut Findings, message: &str) {
    findings.warn(
        "dead-letters",
        message,
        "`tidings dlq list` says why; then `tidings dlq replay` or `tidings dlq purge`",
    );
}

fn check_version(version: &str, findings: &mut Findings) {
    let message = format!("RabbitMQ {version} answers");
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
    use super::super::Severity;
    use super::*;

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
            check_version(version, &mut findings);
            assert_eq!(findings.0[0].severity, severity, "{version}");
        }
    }
}
