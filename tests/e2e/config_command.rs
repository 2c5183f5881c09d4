//! `tidings config show` and `tidings config check`, and the settings file of all programs.

use std::path::Path;
use std::process::{Command, Output};

use jsonwebtoken::{DecodingKey, Validation};
use rstest::rstest;
use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};
use tidings_tests::{EnvVars, Program, ProgramKind, program_path, tokens};

/// A settings file with everything that the programs need. Nothing listens there.
const VALID: &str = "
app_env: development
database: {host: 127.0.0.1, port: 1, user: u, password: hunter2, name: db}
rabbitmq: {url: 'amqp://user:hunter2@127.0.0.1:1/%2f'}
jwt: {secret: 4f9c1b7e2a8d6053f1e7c9b2a4d8063e}
";

fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().expect("UTF-8")
}

fn tidings_in(folder: &Path, vars: &[(&str, &str)], arguments: &[&str]) -> Output {
    let output = Command::new(program_path("tidings"))
        .env_clear()
        .envs(vars.iter().copied())
        .current_dir(folder)
        .args(arguments)
        .output()
        .expect("its output");
    for text in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(text);
        assert!(!text.contains("hunter2"), "{text}");
    }
    output
}

fn tidings(vars: &[(&str, &str)], arguments: &[&str]) -> Output {
    tidings_in(&std::env::temp_dir(), vars, arguments)
}

/// The entry of a setting in the output of `tidings --json config show`.
fn shown(output: &Output, name: &str) -> Value {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let settings = json["settings"].as_array().expect("settings");
    let found = settings.iter().find(|setting| setting["name"] == name);
    found.expect(name).clone()
}

/// The names of the settings that `tidings --json config check` finds wrong.
fn wrong(output: &Output) -> Vec<String> {
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let problems = json["problems"].as_array().expect("problems");
    let code = if problems.is_empty() { 0 } else { 78 };
    assert_eq!(output.status.code(), Some(code), "{json}");
    let name = |problem: &Value| problem["name"].as_str().expect("a name").to_owned();
    problems.iter().map(name).collect()
}

#[test]
fn every_value_is_shown_with_its_source_and_secrets_are_masked() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join(".env"), "API_PORT=2\nLOG_LEVEL=warn\n").expect("written");
    let config = file(&format!(
        "{VALID}api: {{port: 3}}\nlog: {{level: debug, format: pretty}}"
    ));
    let vars = [("API_PORT", "1"), ("TIDINGS_CONFIG", path(&config))];
    let output = tidings_in(folder.path(), &vars, &["--json", "config", "show"]);
    for (name, value, source) in [
        ("API_PORT", "1", "environment"),
        ("LOG_LEVEL", "warn", ".env"),
        ("LOG_FORMAT", "pretty", path(&config)),
        ("WORKER_PORT", "8081", "default"),
        ("DATABASE_PASSWORD", "***", path(&config)),
        (
            "RABBITMQ_URL",
            "amqp://user:***@127.0.0.1:1/%2f",
            path(&config),
        ),
    ] {
        let shown = shown(&output, name);
        assert_eq!(
            (&shown["value"], &shown["source"]),
            (&value.into(), &source.into()),
            "{name}"
        );
    }
    let text = tidings_in(folder.path(), &vars, &["config", "show"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("API_PORT"));
    let words: Vec<_> = line.expect("a line").split_whitespace().collect();
    assert_eq!(words, ["API_PORT", "1", "environment"]);
}

#[test]
fn a_required_setting_without_a_value_is_shown_as_missing() {
    let output = tidings(&[], &["config", "show"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for name in ["DATABASE_URL", "RABBITMQ_URL", "JWT_SECRET"] {
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("{name} ")));
        assert!(line.expect(name).ends_with("missing"), "{text}");
    }
}

#[rstest]
#[case::before(true)]
#[case::after(false)]
fn the_argument_may_stand_before_or_after_the_command(#[case] before: bool) {
    let config = file("api: {port: 4}");
    let (option, command) = (["--config", path(&config)], ["--json", "config", "show"]);
    let arguments = if before {
        [&option[..], &command].concat()
    } else {
        [&command[..], &option].concat()
    };
    // The argument beats the variable.
    let output = tidings(&[("TIDINGS_CONFIG", "/does/not/exist")], &arguments);
    assert_eq!(shown(&output, "API_PORT")["value"], "4");
}

#[rstest]
#[case("")]
#[case("api")]
#[case("worker")]
#[case("tidings")]
fn valid_settings_pass_the_check(#[case] program: &str) {
    let config = file(VALID);
    let mut arguments = vec!["--json", "config", "check", "--config", path(&config)];
    if !program.is_empty() {
        arguments.extend(["--for", program]);
    }
    assert_eq!(wrong(&tidings(&[], &arguments)), [""; 0]);
}

#[test]
fn the_check_reports_all_mistakes_of_all_programs_and_unknown_keys() {
    let config = file(&format!(
        "{VALID}databse: {{pool_size: 3}}\nretry: {{multiplier: many}}"
    ));
    let vars = [
        ("API_PORT", "x"),
        ("WORKER_PORT", "x"),
        ("JWT_SECRET_FILE", "/does/not/exist"),
        ("DATABASE_URL", "postgres://u:hunter2@h/db"),
        ("EMAIL_PROVIDER", "smtp"),
        ("PROVIDER_TIMEOUT_SECS", "30"),
    ];
    let output = tidings(
        &vars,
        &["--json", "config", "check", "--config", path(&config)],
    );
    let names = wrong(&output);
    for name in [
        "settings file",
        "RETRY_MULTIPLIER",
        "API_PORT",
        "WORKER_PORT",
        "JWT_SECRET",
        "DATABASE_URL",
        "SMTP_HOST",
        "DELIVERY_LEASE_SECS",
    ] {
        assert!(
            names.iter().any(|found| found == name),
            "{name} is missing in {names:?}"
        );
    }
    let once = names
        .iter()
        .filter(|name| *name == "RETRY_MULTIPLIER")
        .count();
    assert_eq!(once, 1, "{names:?}");
    let text = tidings(
        &vars,
        &[
            "config",
            "check",
            "--for",
            "worker",
            "--config",
            path(&config),
        ],
    );
    assert_eq!(text.status.code(), Some(78));
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(
        text.contains("`databse`") && !text.contains("API_PORT"),
        "{text}"
    );
}

#[test]
fn an_unknown_key_and_a_missing_file_end_every_command_with_78() {
    let config = file("kafka: {url: hunter2}");
    for config in [path(&config), "/does/not/exist"] {
        for command in [
            &["config", "show"][..],
            &["config", "check", "--for", "tidings"],
            &["migrate"],
        ] {
            let arguments = [command, &["--config", config]].concat();
            assert_eq!(
                tidings(&[], &arguments).status.code(),
                Some(78),
                "{arguments:?}"
            );
        }
    }
}

/// The programs read the file themselves: what is wrong with it keeps them from starting.
#[rstest]
#[case(ProgramKind::Api)]
#[case(ProgramKind::Worker)]
#[tokio::test]
async fn an_unknown_key_is_reported_with_the_other_mistakes(#[case] kind: ProgramKind) {
    let config = file("kafka: {url: hunter2}\nretry: {multiplier: many}");
    let settings = EnvVars::from([("TIDINGS_CONFIG".to_owned(), path(&config).to_owned())]);
    let output = Program::run_to_end(kind, &settings).await;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{errors}");
    for words in ["unknown key `kafka`", "RETRY_MULTIPLIER", "RABBITMQ_URL"] {
        assert!(errors.contains(words), "{words} is missing in:\n{errors}");
    }
    assert!(!errors.contains("hunter2"), "{errors}");
}

#[test]
fn a_secret_may_be_in_a_file() {
    let (config, secret) = (file(VALID), file(&format!("{}\n", tokens::SECRET)));
    let vars = [
        ("JWT_SECRET_FILE", path(&secret)),
        ("TIDINGS_CONFIG", path(&config)),
    ];
    let output = tidings(&vars, &["--json", "config", "show"]);
    let shown = shown(&output, "JWT_SECRET");
    assert_eq!(shown["value"], "***");
    assert_eq!(
        shown["source"],
        format!("environment, file {}", path(&secret))
    );
    assert_eq!(
        wrong(&tidings(&vars, &["--json", "config", "check"])),
        [""; 0]
    );
    let token = tidings(&vars, &["token", "--expires-in", "60"]);
    let token = String::from_utf8(token.stdout).expect("a token");
    let key = DecodingKey::from_secret(tokens::SECRET.as_bytes());
    let claims = jsonwebtoken::decode::<Value>(token.trim(), &key, &Validation::default());
    assert!(claims.is_ok(), "{claims:?}");
}

#[test]
fn a_secret_may_come_from_a_process_substitution() {
    let command = r#"JWT_SECRET_FILE=<(printf '%s\n' "$SECRET") "$TIDINGS" token --expires-in 60"#;
    let output = Command::new("bash")
        .args(["-c", command])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("APP_ENV", "development")
        .env("SECRET", tokens::SECRET)
        .env("TIDINGS", program_path("tidings"))
        .current_dir(std::env::temp_dir())
        .output()
        .expect("its output");
    let token = String::from_utf8(output.stdout).expect("a token");
    let key = DecodingKey::from_secret(tokens::SECRET.as_bytes());
    let claims = jsonwebtoken::decode::<Value>(token.trim(), &key, &Validation::default());
    assert!(claims.is_ok(), "{claims:?}");
}
