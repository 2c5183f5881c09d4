use rstest::rstest;

use super::*;

fn mistakes(text: &str) -> Vec<String> {
    parse(text).1
}

fn valid(text: &str) -> HashMap<String, String> {
    let (values, mistakes) = parse(text);
    assert_eq!(mistakes, [""; 0], "{text}");
    values
}

#[test]
fn nested_keys_are_joined_by_underscores() {
    let text = "
app_env: development
database: {url: postgres://u:p@h/db, pool_size: 4}
retry:
  base_delay_ms: 500
RETRY_MULTIPLIER: 2
jwt:
  secret_file: /run/secrets/jwt
";
    let values = valid(text);
    let mut values: Vec<_> = values
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    values.sort_unstable();
    assert_eq!(
        values,
        [
            ("APP_ENV", "development"),
            ("DATABASE_POOL_SIZE", "4"),
            ("DATABASE_URL", "postgres://u:p@h/db"),
            ("JWT_SECRET_FILE", "/run/secrets/jwt"),
            ("RETRY_BASE_DELAY_MS", "500"),
            ("RETRY_MULTIPLIER", "2"),
        ]
    );
}

/// YAML reads `0123` as a number and `yes` as a flag; a password is neither.
#[rstest]
#[case("0123")]
#[case("1e3")]
#[case("yes")]
#[case("0x10")]
#[case("1_000")]
fn a_value_is_read_as_it_is_written(#[case] password: &str) {
    let values = valid(&format!("smtp: {{pass: {password}}}"));
    assert_eq!(values["SMTP_PASS"], password);
}

#[test]
fn a_list_may_be_a_yaml_list() {
    for text in [
        "worker: {channels: [intake, sms]}",
        "worker: {channels: 'intake,sms'}",
    ] {
        assert_eq!(valid(text)["WORKER_CHANNELS"], "intake,sms");
    }
    assert!(mistakes("database: {pool_size: [1, 2]}")[0].contains("`database.pool_size`"));
}

#[test]
fn an_empty_file_and_an_empty_section_set_nothing() {
    for text in [
        "",
        "# nothing\n",
        "smtp:\n  # host: x\nretry: {}\n",
        "smtp: {host: ~}",
    ] {
        assert!(valid(text).is_empty(), "{text}");
    }
}

#[test]
fn all_unknown_keys_are_reported() {
    let found = mistakes("database: {ulr: x, pool_size: 4}\nkafka: {url: y}\nbind_address_file: z");
    assert_eq!(
        found,
        [
            "unknown key `database.ulr`: there is no setting DATABASE_ULR",
            "unknown key `kafka`: there is no setting KAFKA",
            "unknown key `bind_address_file`: there is no setting BIND_ADDRESS_FILE",
        ]
    );
}

#[rstest]
#[case("retry: hunter2", "`retry` has the wrong form (line 1")]
#[case(
    "jwt: {secret: {value: hunter2}}",
    "`jwt.secret` has the wrong form (line 1"
)]
#[case("- hunter2", "is not valid YAML (line 1")]
#[case("jwt: {secret: 'hunter2", "has the wrong form (line 1")]
#[case(
    "database: {url: a}\ndatabase_url: hunter2",
    "DATABASE_URL is set twice"
)]
fn other_mistakes_are_reported_with_their_position_and_without_values(
    #[case] text: &str,
    #[case] words: &str,
) {
    let found = mistakes(text).join("\n");
    assert!(found.contains(words), "{found}");
    assert!(!found.contains("hunter2"), "{found}");
}

#[test]
fn valid_keys_beside_an_unknown_one_are_used() {
    let (values, mistakes) = parse("kafka: x\napp_env: development");
    assert_eq!(
        (values["APP_ENV"].as_str(), mistakes.len()),
        ("development", 1)
    );
}

#[test]
fn a_key_that_is_written_twice_is_a_mistake() {
    assert!(!mistakes("app_env: development\napp_env: production").is_empty());
}
