//! The check of unencrypted connections.

use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;
use tidings_domain::providers::{EmailProvider, PushProvider, SmsProvider};
use tidings_settings::{
    AppEnv, PlaintextConnection, PlaintextKind, Reader, Setting, Sources, TraceSettings,
    needs_encryption, read_channel_providers, table,
};
use url::Url;

use super::CheckResults;

/// Reports each connection that is not encrypted and that the programs refuse in production unless `ALLOW_PLAINTEXT`
/// allows it. Mistakes in the settings are reported elsewhere.
pub fn check(sources: &Sources, results: &mut CheckResults) {
    check_settings(Reader::new(sources.clone()), results);
}

fn check_settings(mut reader: Reader, results: &mut CheckResults) {
    if !AppEnv::reads_as_production(&reader) {
        return;
    }
    BrokerSettings::read(&mut reader);
    DatabaseSettings::read(&mut reader);
    read_providers(&mut reader);
    TraceSettings::read(&mut reader);
    for connection in reader.allowed_plaintext() {
        report(connection, results);
    }
    if reader.allowed_plaintext().is_empty() {
        results.ok(
            "plaintext",
            "ALLOW_PLAINTEXT allows no unencrypted connection to another machine",
        );
    }
}

/// Reads how the providers of the worker are reached.
fn read_providers(reader: &mut Reader) {
    let providers = read_channel_providers(reader);
    match providers.email {
        Some(EmailProvider::Smtp) => read_smtp(reader),
        Some(EmailProvider::Sendgrid) => read_base_url(reader, table::SENDGRID_BASE_URL),
        Some(EmailProvider::Sandbox) | None => {}
    }
    if providers.sms == Some(SmsProvider::Twilio) {
        read_base_url(reader, table::TWILIO_BASE_URL);
    }
    if providers.push == Some(PushProvider::Fcm) {
        read_base_url(reader, table::FCM_BASE_URL);
    }
}

/// A mail server gets a password only if there is one.
fn read_smtp(reader: &mut Reader) {
    let tls: Option<String> = reader.optional(table::SMTP_TLS);
    let host: String = reader.optional(table::SMTP_HOST).unwrap_or_default();
    if tls.as_deref() == Some("none") && reader.is_set(table::SMTP_PASS) {
        needs_encryption(reader, PlaintextKind::Providers, table::SMTP_TLS, &host);
    }
}

fn read_base_url(reader: &mut Reader, setting: &Setting) {
    let url: Option<String> = reader.optional(setting);
    let url = url.and_then(|url| Url::parse(&url).ok());
    if let Some(url) = url.filter(|url| url.scheme() == "http") {
        let host = url.host_str().unwrap_or_default();
        needs_encryption(reader, PlaintextKind::Providers, setting, host);
    }
}

fn report(connection: &PlaintextConnection, results: &mut CheckResults) {
    let PlaintextConnection {
        kind,
        setting,
        host,
    } = connection;
    let (message, remedy) = match (kind, *setting) {
        (PlaintextKind::Database, _) => (
            format!("{setting}: the programs trust any server at {host}, encrypted or not"),
            format!("add sslmode=verify-full to {setting}"),
        ),
        (PlaintextKind::Broker, "RABBITMQ_MANAGEMENT_URL") => (
            format!("{setting}: the password goes to {host} unencrypted"),
            format!("use https:// in {setting}"),
        ),
        (PlaintextKind::Broker, _) => (
            format!("{setting}: the password and all notifications go to {host} unencrypted"),
            format!("use amqps:// in {setting}"),
        ),
        (PlaintextKind::Providers, "SMTP_TLS") => (
            format!("{setting}: SMTP_PASS and all e-mails go to {host} unencrypted"),
            format!("set {setting} to starttls or tls"),
        ),
        (PlaintextKind::Providers, "OTEL_EXPORTER_OTLP_ENDPOINT") => (
            format!("{setting}: OTEL_EXPORTER_OTLP_HEADERS and all spans go to {host} unencrypted"),
            format!("use https:// in {setting}"),
        ),
        (PlaintextKind::Providers, _) => (
            format!("{setting}: secrets and messages go to {host} unencrypted"),
            format!("use https:// in {setting}"),
        ),
    };
    results.warn(
        "plaintext",
        format!("{message}, because ALLOW_PLAINTEXT allows it"),
        format!(
            "{remedy}, then remove {} from ALLOW_PLAINTEXT",
            kind.as_str()
        ),
    );
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::Severity;
    use super::*;

    const PRODUCTION: [(&str, &str); 7] = [
        ("APP_ENV", "production"),
        ("ALLOW_PLAINTEXT", "broker,database,providers"),
        ("RABBITMQ_URL", "amqps://u:hunter2@b.example/v"),
        (
            "DATABASE_URL",
            "postgres://u:hunter2@d.example/db?sslmode=verify-full",
        ),
        ("EMAIL_PROVIDER", "smtp"),
        ("SMTP_HOST", "m.example"),
        ("SMTP_PASS", "hunter2"),
    ];

    const OTLP_HEADERS: (&str, &str) = ("OTEL_EXPORTER_OTLP_HEADERS", "x-token=hunter2");

    fn found(more: &[(&str, &str)]) -> CheckResults {
        let vars = PRODUCTION.iter().chain(more);
        let vars: std::collections::BTreeMap<_, _> = vars
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut results = CheckResults::default();
        check_settings(Reader::from_vars(vars), &mut results);
        results
    }

    #[rstest]
    #[case(&[("RABBITMQ_URL", "amqp://u:hunter2@b.example/v")], "b.example", "amqps://")]
    #[case(&[("RABBITMQ_MANAGEMENT_URL", "http://u:hunter2@b.example")], "b.example", "https://")]
    #[case(&[("DATABASE_URL", "postgres://u:hunter2@d.example/db")], "d.example", "verify-full")]
    #[case(&[("DATABASE_URL", "postgres://u:hunter2@d.example/db?sslmode=require")], "d.example", "verify-full")]
    #[case(&[("SMTP_TLS", "none")], "m.example", "starttls")]
    #[case(&[("EMAIL_PROVIDER", "sendgrid"), ("SENDGRID_BASE_URL", "http://s.example")], "s.example", "https://")]
    #[case(&[("SMS_PROVIDER", "twilio"), ("TWILIO_BASE_URL", "http://t.example")], "t.example", "https://")]
    #[case(&[("PUSH_PROVIDER", "fcm"), ("FCM_BASE_URL", "http://f.example")], "f.example", "https://")]
    #[case(&[OTLP_HEADERS, ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://o.example:4318")], "o.example", "https://")]
    fn each_unencrypted_connection_is_a_warning_with_a_remedy(
        #[case] more: &[(&str, &str)],
        #[case] host: &str,
        #[case] remedy: &str,
    ) {
        let CheckResults(results) = found(more);
        assert_eq!(results.len(), 1, "{results:?}");
        let result = &results[0];
        assert_eq!(result.severity, Severity::Warning);
        assert!(result.message.contains(host), "{result:?}");
        assert!(!result.message.contains("hunter2"), "{result:?}");
        let said = result.remedy.as_deref().unwrap_or_default();
        assert!(said.contains(remedy), "{said}");
    }

    #[rstest]
    #[case(&[])]
    #[case(&[("SMS_PROVIDER", "sandbox"), ("TWILIO_BASE_URL", "http://t.example")])]
    #[case(&[("RABBITMQ_URL", "amqp://u:hunter2@127.0.0.1/v")])]
    #[case(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://o.example:4318")])]
    #[case(&[OTLP_HEADERS, ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://o.example:4318")])]
    fn encrypted_and_unused_and_local_connections_are_no_warnings(#[case] more: &[(&str, &str)]) {
        let CheckResults(results) = found(more);
        assert_eq!(results.len(), 1, "{results:?}");
        assert_eq!(results[0].severity, Severity::Ok);
    }

    #[test]
    fn in_development_nothing_is_refused_and_nothing_is_reported() {
        let plain = ("RABBITMQ_URL", "amqp://u:hunter2@b.example/v");
        let CheckResults(results) = found(&[("APP_ENV", "development"), plain]);
        assert!(results.is_empty(), "{results:?}");
    }
}
