use std::net::Ipv6Addr;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use tidings_domain::content::Mailbox;
use tidings_settings::{PlaintextKind, Reader, needs_encryption, table};
use url::Host;

use super::helo_name::HeloName;
use crate::providers::read_default_sender;

/// The settings of the SMTP provider.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// `SMTP_HOST`, required: a host name or an address. With TLS, the certificate must be valid for it.
    pub host: String,
    /// `SMTP_PORT`, default 587 for `starttls`, 465 for `tls` and 25 for `none`.
    pub port: u16,
    /// `SMTP_TLS`, default `starttls`. In production, `none` is refused together with a password, unless the
    /// server is on the same machine.
    pub tls: SmtpTls,
    /// `SMTP_USER` and `SMTP_PASS`: both or neither.
    pub login: Option<SmtpLogin>,
    /// `SMTP_HELO_NAME`, default the host name if it has a dot, or else the address of the connection.
    pub helo_name: HeloName,
    /// `SMTP_DATA_TIMEOUT_SECS`: how long the server may take to reply to the end of a message.
    pub data_timeout: Duration,
    /// `SMTP_FROM`, required: the sender of an e-mail whose payload names no sender.
    pub sender: Mailbox,
}

/// The credentials for logging in.
#[derive(Clone, Debug)]
pub struct SmtpLogin {
    /// `SMTP_USER`.
    pub user: String,
    /// `SMTP_PASS`.
    pub password: SecretString,
}

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SmtpTls {
    /// With the command STARTTLS (RFC 3207). Nothing is sent to a server that does not offer it.
    #[default]
    StartTls,
    /// From the first byte (implicit TLS, RFC 8314 §3.3).
    Tls,
    /// Unencrypted.
    None,
}

impl SmtpTls {
    const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

impl FromStr for SmtpTls {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "starttls" => Ok(Self::StartTls),
            "tls" => Ok(Self::Tls),
            "none" => Ok(Self::None),
            _ => Err("must be starttls, tls or none"),
        }
    }
}

impl SmtpSettings {
    /// Reads the section. Returns `None` if a required setting is missing or invalid; `reader` records every
    /// mistake.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let host = host(reader);
        let tls: SmtpTls = reader.value(table::SMTP_TLS);
        let port = reader.optional(table::SMTP_PORT).unwrap_or(tls.port());
        let login = login(reader);
        let sender = read_default_sender(reader);
        let helo_name = reader.optional(table::SMTP_HELO_NAME);
        let data_timeout: u64 = reader.value(table::SMTP_DATA_TIMEOUT_SECS);
        if tls == SmtpTls::None
            && login.is_some()
            && needs_encryption(
                reader,
                PlaintextKind::Providers,
                table::SMTP_TLS,
                host.as_deref().unwrap_or_default(),
            )
        {
            reader.problem(
                table::SMTP_TLS,
                "none would send SMTP_PASS unencrypted: use starttls or tls, or set ALLOW_PLAINTEXT to providers",
            );
        }
        Some(Self {
            host: host?,
            port,
            tls,
            login,
            helo_name: helo_name.unwrap_or_else(HeloName::of_this_host),
            data_timeout: Duration::from_secs(data_timeout),
            sender: sender?,
        })
    }
}

fn host(reader: &mut Reader) -> Option<String> {
    let host: String = reader.required(table::SMTP_HOST)?;
    if host.parse::<Ipv6Addr>().is_err() && Host::parse(&host).is_err() {
        let message = format!("{host:?}: must be a host's name or address, without port");
        reader.problem(table::SMTP_HOST, message);
    }
    Some(host)
}

fn login(reader: &mut Reader) -> Option<SmtpLogin> {
    let user = reader.optional(table::SMTP_USER);
    match (user, reader.secret(table::SMTP_PASS)) {
        (Some(user), Some(password)) => Some(SmtpLogin { user, password }),
        (None, None) => None,
        (Some(_), None) => {
            reader.problem(table::SMTP_PASS, "must be set if SMTP_USER is set");
            None
        }
        (None, Some(_)) => {
            reader.problem(table::SMTP_USER, "must be set if SMTP_PASS is set");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;
    use tidings_settings::SettingProblems;

    use super::*;

    const LEAST: [(&str, &str); 2] = [
        ("SMTP_HOST", "smtp.example.com"),
        ("SMTP_FROM", "tidings@example.com"),
    ];

    fn read(more: &[(&str, &str)]) -> Result<SmtpSettings, SettingProblems> {
        let vars: BTreeMap<_, _> = LEAST.iter().chain(more).copied().collect();
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut reader = Reader::from_vars(vars.into_iter().map(owned));
        let settings = SmtpSettings::read(&mut reader);
        reader.finish(settings)
    }

    #[rstest]
    #[case("starttls", SmtpTls::StartTls, 587)]
    #[case("tls", SmtpTls::Tls, 465)]
    #[case("none", SmtpTls::None, 25)]
    #[case("", SmtpTls::StartTls, 587)]
    fn the_port_follows_from_the_encryption(
        #[case] text: &str,
        #[case] tls: SmtpTls,
        #[case] port: u16,
    ) {
        let settings = read(&[("SMTP_TLS", text)]).expect("settings");
        assert_eq!((settings.tls, settings.port), (tls, port));
        let settings = read(&[("SMTP_TLS", text), ("SMTP_PORT", "2525")]).expect("settings");
        assert_eq!(settings.port, 2525);
    }

    #[rstest]
    #[case(&[("SMTP_HOST", "")], &["SMTP_HOST"])]
    #[case(&[("SMTP_HOST", "smtp.example.com:587")], &["SMTP_HOST"])]
    #[case(&[("SMTP_HOST", "smtp example")], &["SMTP_HOST"])]
    #[case(&[("SMTP_FROM", "")], &["SMTP_FROM"])]
    #[case(&[("SMTP_USER", "anna")], &["SMTP_PASS"])]
    #[case(&[("SMTP_PASS", "secret")], &["SMTP_USER"])]
    #[case(&[("SMTP_TLS", "ssl"), ("SMTP_PORT", "0")], &["SMTP_TLS", "SMTP_PORT"])]
    fn each_wrong_setting_is_named(#[case] settings: &[(&str, &str)], #[case] wrong: &[&str]) {
        let problems = read(settings).expect_err("a problem");
        let names: Vec<_> = problems.0.iter().map(|problem| problem.name).collect();
        assert_eq!(names, wrong);
    }

    #[rstest]
    #[case("smtp.example.com", "production", false)]
    #[case("10.0.0.1", "production", false)]
    #[case("smtp.example.com", "development", true)]
    #[case("localhost", "production", true)]
    #[case("127.0.0.1", "production", true)]
    #[case("::1", "production", true)]
    fn a_password_is_sent_unencrypted_only_in_development_or_to_the_same_machine(
        #[case] host: &str,
        #[case] env: &str,
        #[case] right: bool,
    ) {
        let unencrypted = [("SMTP_HOST", host), ("SMTP_TLS", "none"), ("APP_ENV", env)];
        assert!(read(&unencrypted).is_ok(), "without a password");
        let login = [("SMTP_USER", "anna"), ("SMTP_PASS", "secret")];
        let settings = read(&[&unencrypted[..], &login[..]].concat());
        assert_eq!(settings.is_ok(), right, "{settings:?}");
    }

    #[test]
    fn the_password_does_not_show_in_debug_output() {
        let settings = read(&[("SMTP_USER", "anna"), ("SMTP_PASS", "hunter2")]).expect("settings");
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
