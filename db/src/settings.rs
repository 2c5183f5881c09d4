use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use tidings_settings::{Reader, read_database_url, table};

use crate::tls::{self, SslMode};

/// The settings of the database connections.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `DATABASE_URL`: `postgres://user:password@host:port/database`, with `sslmode` and `sslrootcert` as
    /// libpq defines them; or built from `DATABASE_HOST` and the other parts.
    pub url: SecretString,
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
        let timeout = reader.value(table::DATABASE_STATEMENT_TIMEOUT_MS);
        Some(Self {
            pool_size: reader.value(table::DATABASE_POOL_SIZE),
            statement_timeout: Duration::from_millis(timeout),
            url: url?,
        })
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
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err("must start with postgres:// or postgresql://".to_owned());
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
        ] {
            let error = parse(url).err().expect(url);
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
