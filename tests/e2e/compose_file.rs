//! The programs know and accept the settings in `docker-compose.yml`.

use std::process::Command;

use rstest::rstest;
use serde_json::Value;
use tidings_settings::table;
use tidings_tests::{EnvVars, program_path, secret_keys, tokens};

use crate::sources::root;

/// Returns the compose file with its anchors and merge keys resolved.
fn compose_file() -> Value {
    let text = std::fs::read_to_string(root().join("docker-compose.yml")).expect("a file");
    serde_saphyr::from_str(&text).expect("YAML")
}

/// Returns the environment of a service. A reference to a variable that the caller may set (`${NAME:-default}`) has its
/// default.
pub(crate) fn environment(service: &str) -> EnvVars {
    let file = compose_file();
    let variables = file["services"][service]["environment"].as_object();
    let variables = variables.expect("an environment").iter();
    let pairs = variables.map(|(name, value)| {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let default = value
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
            .and_then(|reference| reference.split_once(":-"));
        (
            name.clone(),
            default
                .map_or(value.as_str(), |(_, default)| default)
                .to_owned(),
        )
    });
    pairs.collect()
}

/// Runs the tool `tidings` with these settings only, and returns its exit code and its output.
pub(crate) fn tidings(settings: &EnvVars, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program_path("tidings"))
        .env_clear()
        .envs(settings)
        .current_dir(std::env::temp_dir())
        .args(arguments)
        .output()
        .expect("its output");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[rstest]
#[case("api")]
#[case("worker")]
#[case("events")]
#[case("migrate")]
fn the_variables_of_the_programs_are_settings(#[case] service: &str) {
    let set = environment(service);
    assert!(set.contains_key("DATABASE_URL"), "{set:?}");
    let unknown: Vec<_> = set
        .keys()
        .filter(|name| table::find(name).is_none())
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[rstest]
#[case("api")]
#[case("worker")]
#[case("events")]
fn the_programs_accept_the_settings_as_they_are(#[case] service: &str) {
    let program = if service == "api" { "api" } else { "worker" };
    let checked = tidings(
        &environment(service),
        &["config", "check", "--for", program],
    );
    assert_eq!(checked.0, Some(0), "{}", checked.1);
}

/// The documentation has readers run `docker compose exec api tidings token`.
#[test]
fn the_tool_signs_a_token_with_the_settings_of_the_api() {
    let signed = tidings(&environment("api"), &["token"]);
    assert_eq!(signed.0, Some(0), "{}", signed.1);
}

/// Makes the changes that the head of the file names, and no other.
#[rstest]
#[case("api")]
#[case("worker")]
fn the_programs_accept_the_settings_in_production_after_the_changes_that_the_file_names(
    #[case] service: &str,
) {
    let mut settings = environment(service);
    settings.insert("APP_ENV".to_owned(), "production".to_owned());
    settings.retain(|name, value| !(name.ends_with("_PROVIDER") && value == "sandbox"));
    settings.remove("SEED_DEMO_DATA");
    let mut changes = vec![
        ("SECRETS_KEY", secret_keys::KEY),
        ("PUBLIC_URL", "https://notify.example.com"),
    ];
    if service == "api" {
        changes.push(("JWT_SECRET", tokens::SECRET));
        changes.push(("ACCOUNTS_SECRET", tokens::SECRET));
    }
    for (name, value) in changes {
        let check = ["config", "check", "--for", service];
        let (code, text) = tidings(&settings, &check);
        assert_eq!(code, Some(78), "{text}");
        assert!(text.contains(&format!("{name}: ")), "{text}");
        settings.insert(name.to_owned(), value.to_owned());
    }
    let checked = tidings(&settings, &["config", "check", "--for", service]);
    assert_eq!(checked.0, Some(0), "{}", checked.1);
}
