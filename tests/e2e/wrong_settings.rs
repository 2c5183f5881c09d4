//! Invalid settings are reported together with exit code 78, before anything starts.

use rstest::rstest;
use tidings_tests::{EnvVars, Program, ProgramKind, tokens};

/// Valid settings with these replaced. No server listens there, and none needs to.
fn settings(instead: &[(&str, &str)]) -> EnvVars {
    let mut settings = EnvVars::new();
    let right = [
        ("APP_ENV", "development"),
        ("JWT_SECRET", tokens::SECRET),
        ("DATABASE_URL", "postgres://user:hunter2@127.0.0.1:1/db"),
        ("RABBITMQ_URL", "amqp://user:hunter2@127.0.0.1:1/%2f"),
    ];
    for (name, value) in right.iter().chain(instead) {
        settings.insert((*name).to_owned(), (*value).to_owned());
    }
    settings
}

/// Runs the program and returns its standard error.
async fn refused(kind: ProgramKind, settings: &EnvVars) -> String {
    let output = Program::run_to_end(kind, settings).await;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{errors}");
    assert!(output.stdout.is_empty(), "{output:?}");
    assert!(!errors.contains("hunter2"), "{errors}");
    errors
}

#[rstest]
#[case(ProgramKind::Api, "API_PORT")]
#[case(ProgramKind::Worker, "WORKER_PORT")]
#[tokio::test]
async fn all_invalid_settings_are_reported_together(#[case] kind: ProgramKind, #[case] port: &str) {
    let wrong = settings(&[
        (port, "abc"),
        ("MAX_RETRIES", "-1"),
        ("RETRY_MULTIPLIER", "many"),
        ("DATABASE_URL", ""),
        ("RABBITMQ_URL", "http://user:hunter2@127.0.0.1"),
        ("LOG_FORMAT", "xml"),
        ("SHUTDOWN_TIMEOUT_SECS", "0"),
        ("APP_ENV", "prod"),
    ]);
    let errors = refused(kind, &wrong).await;
    for name in [
        port,
        "MAX_RETRIES",
        "RETRY_MULTIPLIER",
        "DATABASE_URL",
        "RABBITMQ_URL",
        "LOG_FORMAT",
        "SHUTDOWN_TIMEOUT_SECS",
        "APP_ENV",
    ] {
        assert!(errors.contains(name), "{name} is missing in:\n{errors}");
    }
}

#[rstest]
#[case::missing("")]
#[case::short("hunter2")]
#[case::of_this_page("change-me-to-a-long-random-secret-please")]
#[case::monotonous("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
#[tokio::test]
async fn in_production_the_api_refuses_a_weak_secret(#[case] secret: &str) {
    let wrong = settings(&[("APP_ENV", "production"), ("JWT_SECRET", secret)]);
    let errors = refused(ProgramKind::Api, &wrong).await;
    assert!(errors.contains("JWT_SECRET"), "{errors}");
    assert!(secret.is_empty() || !errors.contains(secret), "{errors}");
}

/// A missing `APP_ENV` means production.
#[tokio::test]
async fn without_app_env_the_secret_is_checked_as_in_production() {
    let wrong = settings(&[("APP_ENV", ""), ("JWT_SECRET", "hunter2")]);
    let errors = refused(ProgramKind::Api, &wrong).await;
    assert!(errors.contains("JWT_SECRET"), "{errors}");
}

#[tokio::test]
async fn the_api_needs_a_secret_in_development_too() {
    let errors = refused(ProgramKind::Api, &settings(&[("JWT_SECRET", "")])).await;
    assert!(errors.contains("JWT_SECRET"), "{errors}");
}

/// A misspelt provider would turn its channel off, and the sandbox delivers nothing in production.
#[rstest]
#[case("development", "pigeon")]
#[case("production", "sandbox")]
#[tokio::test]
async fn a_provider_that_does_not_deliver_is_refused(
    #[case] environment: &str,
    #[case] provider: &str,
) {
    let names = [
        "EMAIL_PROVIDER",
        "SMS_PROVIDER",
        "PUSH_PROVIDER",
        "WEBHOOK_PROVIDER",
    ];
    let mut wrong = settings(&[("APP_ENV", environment)]);
    wrong.extend(names.map(|name| (name.to_owned(), provider.to_owned())));
    let errors = refused(ProgramKind::Api, &wrong).await;
    for name in names {
        assert!(errors.contains(name), "{name} is missing in:\n{errors}");
    }
}

/// Unsigned tokens must not be configurable.
#[rstest]
#[case("none")]
#[case("HS1024")]
#[tokio::test]
async fn an_unknown_algorithm_is_refused(#[case] algorithm: &str) {
    let errors = refused(ProgramKind::Api, &settings(&[("JWT_ALGORITHM", algorithm)])).await;
    assert!(errors.contains("JWT_ALGORITHM"), "{errors}");
}

/// Without the check, a program would report "not found" or "unreachable" and try again without end.
#[rstest]
#[case(
    "RABBITMQ_URL",
    "amqp://u:hunter2@127.0.0.1:1/",
    "virtual host is empty"
)]
#[case("RABBITMQ_URL", "amqp://u:hunter2#x@127.0.0.1:1/v", "# as %23")]
#[case(
    "DATABASE_URL",
    "postgres://u:hunter2@127.0.0.1:1/db?schema=public",
    "set DATABASE_SCHEMA"
)]
#[case("DATABASE_URL", "postgres://u:hunter2@x@127.0.0.1:1/db", "@ as %40")]
#[tokio::test]
async fn a_url_that_can_never_work_is_refused_with_its_remedy(
    #[case] name: &str,
    #[case] url: &str,
    #[case] remedy: &str,
) {
    let errors = refused(ProgramKind::Worker, &settings(&[(name, url)])).await;
    assert!(errors.contains(name) && errors.contains(remedy), "{errors}");
}

#[rstest]
#[case("RABBITMQ_URL", "amqp://u:hunter2@b.example/v", "broker")]
#[case(
    "RABBITMQ_MANAGEMENT_URL",
    "http://u:hunter2@b.example:15672",
    "broker"
)]
#[case("DATABASE_URL", "postgres://u:hunter2@d.example/db", "database")]
#[case(
    "DATABASE_URL",
    "postgres://u:hunter2@d.example/db?sslmode=prefer",
    "database"
)]
#[case("TWILIO_BASE_URL", "http://t.example", "providers")]
#[tokio::test]
async fn in_production_unencrypted_connections_to_other_machines_are_refused(
    #[case] name: &str,
    #[case] url: &str,
    #[case] kind: &str,
) {
    let mut wrong = settings(&[
        ("APP_ENV", "production"),
        ("SMS_PROVIDER", "twilio"),
        ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"),
        ("TWILIO_AUTH_TOKEN", "hunter2"),
        ("TWILIO_FROM_NUMBER", "+15005550006"),
    ]);
    wrong.insert(name.to_owned(), url.to_owned());
    let errors = refused(ProgramKind::Worker, &wrong).await;
    let lines: Vec<&str> = errors.lines().skip(1).collect();
    assert_eq!(lines.len(), 1, "{errors}");
    assert!(lines[0].contains(name), "{errors}");
    // The remedy works: the settings are valid.
    wrong.insert("ALLOW_PLAINTEXT".to_owned(), kind.to_owned());
    let mut reader = tidings_settings::Reader::from_vars(wrong);
    let read = tidings_broker::BrokerSettings::read(&mut reader)
        .zip(tidings_db::DatabaseSettings::read(&mut reader));
    assert!(reader.finish(read).is_ok());
}

#[tokio::test]
async fn origins_that_no_browser_sends_are_refused_at_start() {
    let wrong = settings(&[(
        "CORS_ALLOWED_ORIGINS",
        "https://right.example,https://slash.example/,https://path.example/app,no-scheme.example",
    )]);
    let errors = refused(ProgramKind::Api, &wrong).await;
    assert!(errors.contains("CORS_ALLOWED_ORIGINS"), "{errors}");
    for named in [
        "https://slash.example/",
        "https://path.example/app",
        "no-scheme.example",
    ] {
        assert!(errors.contains(&format!("{named:?}: ")), "{errors}");
    }
    assert!(!errors.contains("right.example"), "{errors}");
}

#[tokio::test]
async fn a_secret_in_a_named_pipe_that_nobody_writes_to_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("secret");
    let created = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(created.expect("mkfifo").success());
    let pipe = pipe.to_str().expect("a path");
    let wrong = settings(&[("JWT_SECRET", ""), ("JWT_SECRET_FILE", pipe)]);
    let errors = refused(ProgramKind::Api, &wrong).await;
    for words in ["JWT_SECRET", pipe, "named pipe"] {
        assert!(errors.contains(words), "{words} is missing in:\n{errors}");
    }
}
