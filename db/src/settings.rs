use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use tidings_settings::{
    PlaintextKind, Reader, Setting, needs_encryption, read_database_url, table,
};

use crate::session::Pooler;
use crate::tls::{self, SslMode};

/// The settings of the database connections.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `DATABASE_URL`: `postgres://user:password@host:port/database`, with `sslmode` and `sslrootcert` as
    /// libpq defines them; or built from `DATABASE_HOST` and the other parts.
    pub url: SecretString,
    /// Whether the server must prove by SCRAM with channel binding that it knows the password, because its certificate is
    /// not verified.
    pub channel_binding: bool,
    /// `DATABASE_SCHEMA`: the schema of the tables. `None` stands for the `search_path` of the role.
    pub schema: Option<String>,
    /// `DATABASE_POOLER`: whether connections go through a pooler in transaction mode.
    pub pooler: Pooler,
    /// `DATABASE_POOL_SIZE`: maximum number of connections.
    pub pool_size: usize,
    /// `DATABASE_STATEMENT_TIMEOUT_MS`: maximum time that PostgreSQL may spend on one statement.
    pub statement_timeout: Duration,
}

/// A parsed `DATABASE_URL`: the part that `tokio-postgres` understands, and the TLS parameters that it
/// does not.
pub(crate) struct ParsedUrl {
    pub(crate) config: tokio_postgres::Config,
    pub(crate) ssl_mode: SslMode,
    pub(crate) ssl_root_cert: Option<PathBuf>,
}

impl DatabaseSettings {
    /// Reads the section. Returns `None` if a required setting is missing.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let url = read_database_url(reader);
        if let Some(url) = &url
            && let Err(error) = check(url.expose_secret())
        {
            reader.problem(table::DATABASE_URL, error);
        }
        let channel_binding = url
            .as_ref()
            .and_then(|url| parse(url.expose_secret()).ok())
            .is_some_and(|target| needs_channel_binding(reader, &target));
        let timeout = reader.value(table::DATABASE_STATEMENT_TIMEOUT_MS);
        Some(Self {
            channel_binding,
            schema: reader.optional(table::DATABASE_SCHEMA),
            pooler: reader.value(table::DATABASE_POOLER),
            pool_size: reader.value(table::DATABASE_POOL_SIZE),
            statement_timeout: Duration::from_millis(timeout),
            url: url?,
        })
    }
}

/// Checks that in production a password goes to another machine only over a connection that authenticates the server:
/// `verify-full` does so by the certificate, `require` only with SCRAM and channel binding. Returns whether channel
/// binding is needed.
fn needs_channel_binding(reader: &mut Reader, target: &ParsedUrl) -> bool {
    const URL: &Setting = table::DATABASE_URL;
    if target.ssl_mode == SslMode::Verify {
        return false;
    }
    let remote: Vec<String> = target
        .config
        .get_hosts()
        .iter()
        .filter_map(|host| match host {
            tokio_postgres::config::Host::Tcp(name) => Some(name.clone()),
            tokio_postgres::config::Host::Unix(_) => None,
        })
        .filter(|host| needs_encryption(reader, PlaintextKind::Database, URL, host))
        .collect();
    let Some(host) = remote.first() else {
        return false;
    };
    match target.ssl_mode {
        SslMode::Verify | SslMode::Require => true,
        SslMode::Disable | SslMode::Prefer => {
            let message = format!(
                "would trust any server at {host}, encrypted or not: add sslmode=verify-full to DATABASE_URL, or set \
                 ALLOW_PLAINTEXT to database"
            );
            reader.problem(URL, message);
            false
        }
    }
}

/// Checks the URL and the certificates that it names.
fn check(url: &str) -> Result<(), String> {
    let target = parse(url)?;
    tls::connector(target.ssl_mode, target.ssl_root_cert.as_deref())
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Extracts `sslmode` and `sslrootcert` from the URL and parses the rest. The error never quotes the URL,
/// which contains a password.
pub(crate) fn parse(url: &str) -> Result<ParsedUrl, String> {
    let Some((_, rest)) = url
        .split_once("://")
        .filter(|(scheme, _)| ["postgres", "postgresql"].contains(scheme))
    else {
        return Err("must start with postgres:// or postgresql://".to_owned());
    };
    if let Some(mistake) = unescaped_login(rest) {
        return Err(mistake.to_owned());
    }
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let mut ssl_mode = SslMode::Prefer;
    let mut ssl_root_cert = None;
    let mut kept = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("sslmode", mode)) => ssl_mode = mode.parse()?,
            Some(("sslrootcert", path)) => {
                ssl_root_cert = Some(PathBuf::from(
                    &*percent_decode_str(path).decode_utf8_lossy(),
                ));
            }
            Some((name, _)) if !PARAMETERS.contains(&name) => return Err(unknown_parameter(name)),
            _ => kept.push(parameter),
        }
    }
    let rest = if kept.is_empty() {
        base.to_owned()
    } else {
        format!("{base}?{}", kept.join("&"))
    };
    let mut config: tokio_postgres::Config = rest.parse().map_err(|_| {
        "is not a valid PostgreSQL URL: check user, password (percent-encoded), host, port and database"
            .to_owned()
    })?;
    config.ssl_mode(tls::negotiation(ssl_mode));
    Ok(ParsedUrl {
        config,
        ssl_mode,
        ssl_root_cert,
    })
}

/// The parameters that `tokio-postgres` knows. `sslmode` and `sslrootcert` are read here.
const PARAMETERS: [&str; 17] = [
    "user",
    "password",
    "dbname",
    "options",
    "application_name",
    "host",
    "hostaddr",
    "port",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "target_session_attrs",
    "channel_binding",
    "load_balance_hosts",
];

/// Other libraries have parameters of their own.
fn unknown_parameter(name: &str) -> String {
    let remedy = match name {
        "schema" | "currentSchema" | "search_path" => {
            "remove it, and set DATABASE_SCHEMA to the schema"
        }
        "pgbouncer" => "remove it, and set DATABASE_POOLER to transaction",
        "connection_limit" | "pool_size" => "remove it, and set DATABASE_POOL_SIZE",
        "ssl" => "remove it, and add sslmode=verify-full",
        _ => "remove it",
    };
    // A name that is not a plain word may be a part of a password with `?` or `&`.
    if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        format!("has the parameter {name:?}, which does not exist here: {remedy}")
    } else {
        ESCAPE.to_owned()
    }
}

const ESCAPE: &str = "user and password must be percent-encoded: write @ as %40, / as %2F, ? as %3F, # as %23 and : as %3A";

/// Finds a character in user or password that ends them too early, so that another host would be used. A socket's folder
/// as host is percent-encoded.
fn unescaped_login(rest: &str) -> Option<&'static str> {
    let base = rest.split(['?', '#']).next().unwrap_or(rest);
    let authority = base.split('/').next().unwrap_or(base);
    let is_wrong = authority.matches('@').count() > 1
        // The last `@` is behind the end of the authority.
        || (!authority.contains('@') && rest.contains('@') && authority.contains(':'));
    is_wrong.then_some(ESCAPE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ssl_modes_of_libpq_are_parsed() {
        for mode in ["disable", "prefer", "require", "verify-ca", "verify-full"] {
            assert!(
                parse(&format!(
                    "postgres://u:p@h/db?sslmode={mode}&connect_timeout=3"
                ))
                .is_ok(),
                "{mode}"
            );
        }
        let error = parse("postgres://u:secret@h/db?sslmode=maybe")
            .err()
            .expect("refused");
        assert!(
            error.contains("sslmode") && !error.contains("secret"),
            "{error}"
        );
    }

    #[test]
    fn an_invalid_url_is_refused_without_quoting_it() {
        for url in [
            "mysql://u:secret@h/db",
            "postgres://u:secret@h:port/db",
            "postgres://u:secret@h/db?wrong=1",
            "postgres://u:p@secret@h/db",
            "postgres://u:p/secret@h/db",
            "postgres://u:p?secret@h/db",
            "postgres://u:p#secret@h/db",
        ] {
            let error = parse(url).err().expect(url);
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_parameter_of_another_library_is_named_with_its_remedy() {
        for (parameter, remedy) in [
            ("schema=public", "DATABASE_SCHEMA"),
            ("pgbouncer=true", "DATABASE_POOLER"),
            ("wrong=secret", "remove it"),
        ] {
            let url = format!("postgres://u:p@h/db?{parameter}");
            let error = parse(&url).err().expect("refused");
            let (name, _) = parameter.split_once('=').expect("a value");
            assert!(error.contains(name) && error.contains(remedy), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
