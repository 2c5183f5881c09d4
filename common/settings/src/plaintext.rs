use std::net::IpAddr;

use crate::{AppEnv, Reader, table};

/// A kind of server that may get passwords and notifications in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaintextKind {
    /// RabbitMQ.
    Broker,
    /// PostgreSQL.
    Database,
    /// The providers of the channels.
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

/// Returns whether connections of this kind to `host` must be encrypted: in production, unless `ALLOW_PLAINTEXT` names the
/// kind, or `host` is this machine.
pub fn needs_encryption(reader: &mut Reader, kind: PlaintextKind, host: &str) -> bool {
    let allowed = allowed(reader);
    let production = AppEnv::reads_as_production(reader);
    production && !allowed.contains(&kind) && !is_this_machine(host)
}

/// Reads `ALLOW_PLAINTEXT`.
pub fn allowed(reader: &mut Reader) -> Vec<PlaintextKind> {
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
        needs_encryption(&mut reader, PlaintextKind::Broker, host)
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
