use std::net::IpAddr;

use crate::{AppEnv, Reader, Setting, table};

/// A kind of server that may get passwords and notifications in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaintextKind {
    /// RabbitMQ.
    Broker,
    /// PostgreSQL.
    Database,
    /// The providers of the channels, and the collector of spans.
    Providers,
}

impl PlaintextKind {
    const ALL: [Self; 3] = [Self::Broker, Self::Database, Self::Providers];

    /// The word in `ALLOW_PLAINTEXT`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Database => "database",
            Self::Providers => "providers",
        }
    }
}

/// A connection to another machine that is not encrypted, or that trusts any server, although this is production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaintextConnection {
    /// The kind of the server.
    pub kind: PlaintextKind,
    /// The setting that says so.
    pub setting: &'static str,
    /// The other machine.
    pub host: String,
}

/// Returns whether an unencrypted connection to `host`, as `setting` asks for, must be refused: in production, unless
/// `ALLOW_PLAINTEXT` names the kind, or `host` is this machine. [`Reader::allowed_plaintext`] then has the connections
/// that `ALLOW_PLAINTEXT` allows.
pub fn needs_encryption(
    reader: &mut Reader,
    kind: PlaintextKind,
    setting: &Setting,
    host: &str,
) -> bool {
    let allowed = allowed(reader).contains(&kind);
    if !AppEnv::reads_as_production(reader) || is_this_machine(host) {
        return false;
    }
    if allowed {
        reader.note_plaintext(PlaintextConnection {
            kind,
            setting: setting.name,
            host: host.to_owned(),
        });
    }
    !allowed
}

/// Reads `ALLOW_PLAINTEXT`.
fn allowed(reader: &mut Reader) -> Vec<PlaintextKind> {
    let text: String = reader.optional(table::ALLOW_PLAINTEXT).unwrap_or_default();
    let mut allowed = Vec::new();
    for word in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        match PlaintextKind::ALL
            .into_iter()
            .find(|it| it.as_str() == word)
        {
            Some(kind) => allowed.push(kind),
            None => reader.problem(
                table::ALLOW_PLAINTEXT,
                format!("{word:?}: must be a list of broker, database and providers"),
            ),
        }
    }
    allowed
}

/// Returns whether a host name or address is this machine's, or the folder of a Unix socket.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    loopback || host.eq_ignore_ascii_case("localhost") || host.starts_with('/')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn needed(vars: &[(&str, &str)], host: &str) -> bool {
        let vars = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let mut reader = Reader::from_vars(vars);
        needs_encryption(
            &mut reader,
            PlaintextKind::Broker,
            table::RABBITMQ_URL,
            host,
        )
    }

    #[test]
    fn what_is_allowed_is_noted_once() {
        let vars = [("ALLOW_PLAINTEXT".to_owned(), "broker".to_owned())];
        let mut reader = Reader::from_vars(vars);
        for host in ["b.example", "b.example", "127.0.0.1"] {
            needs_encryption(
                &mut reader,
                PlaintextKind::Broker,
                table::RABBITMQ_URL,
                host,
            );
        }
        let allowed = PlaintextConnection {
            kind: PlaintextKind::Broker,
            setting: "RABBITMQ_URL",
            host: "b.example".to_owned(),
        };
        assert_eq!(reader.allowed_plaintext(), [allowed]);
    }

    #[rstest]
    #[case(&[], "broker.example", true)]
    #[case(&[("APP_ENV", "development")], "broker.example", false)]
    #[case(&[("ALLOW_PLAINTEXT", "database, broker")], "broker.example", false)]
    #[case(&[("ALLOW_PLAINTEXT", "database")], "broker.example", true)]
    #[case(&[], "localhost", false)]
    #[case(&[], "127.0.0.2", false)]
    #[case(&[], "[::1]", false)]
    #[case(&[], "/run/postgresql", false)]
    #[case(&[], "127.0.0.1.example", true)]
    fn only_remote_servers_in_production_need_encryption(
        #[case] vars: &[(&str, &str)],
        #[case] host: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(needed(vars, host), expected);
    }

    #[test]
    fn an_unknown_word_is_a_mistake() {
        let vars = [("ALLOW_PLAINTEXT".to_owned(), "all".to_owned())];
        let mut reader = Reader::from_vars(vars);
        allowed(&mut reader);
        assert!(reader.finish(Some(())).is_err());
    }
}
