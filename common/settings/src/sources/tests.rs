use std::io::Write as _;

use super::*;
use crate::table;

fn layer(source: ValueSource, values: &[(&str, &str)]) -> Layer {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Layer {
        source,
        values: values.iter().map(owned).collect(),
    }
}

fn file_with(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

fn found(sources: &Sources, setting: &Setting) -> (String, ValueSource) {
    let value = sources
        .value(setting)
        .expect("no mistake")
        .expect("a value");
    (value.text, value.source)
}

#[test]
fn environment_beats_dotenv_beats_file_beats_default() {
    let file = || ValueSource::File("/etc/tidings.yaml".into());
    let all = [
        layer(ValueSource::Environment, &[("API_PORT", "1")]),
        layer(ValueSource::DotEnv, &[("API_PORT", "2")]),
        layer(file(), &[("API_PORT", "3")]),
    ];
    let from = |first: usize| Sources {
        layers: all[first..].to_vec(),
        problems: Vec::new(),
        ignored: Vec::new(),
    };
    assert_eq!(
        found(&from(0), table::API_PORT),
        ("1".into(), ValueSource::Environment)
    );
    assert_eq!(
        found(&from(1), table::API_PORT),
        ("2".into(), ValueSource::DotEnv)
    );
    assert_eq!(found(&from(2), table::API_PORT), ("3".into(), file()));
    assert_eq!(
        found(&from(3), table::API_PORT),
        ("8080".into(), ValueSource::Default)
    );
}

#[test]
fn a_variable_that_is_set_to_nothing_counts_as_not_set() {
    let sources = Sources {
        layers: vec![
            layer(ValueSource::Environment, &[("API_PORT", " ")]),
            layer(ValueSource::DotEnv, &[("API_PORT", " 2 ")]),
        ],
        problems: Vec::new(),
        ignored: Vec::new(),
    };
    assert_eq!(
        found(&sources, table::API_PORT),
        ("2".into(), ValueSource::DotEnv)
    );
}

#[test]
fn only_secrets_may_be_in_files() {
    let file = file_with("from the file\n");
    let path = file.path().to_str().expect("UTF-8");
    for setting in table::all() {
        let name = format!("{}_FILE", setting.name);
        let sources = Sources::from_vars([(name, path.to_owned())]);
        let value = sources.value(setting).expect("no mistake");
        let read = value.is_some_and(|value| {
            value.text == "from the file" && value.secret_file.as_deref() == Some(file.path())
        });
        assert_eq!(read, setting.kind.is_secret(), "{}", setting.name);
    }
}

#[test]
fn a_secret_in_the_environment_beats_the_file_of_a_secret_in_the_settings_file() {
    let sources = Sources {
        layers: vec![
            layer(ValueSource::Environment, &[("JWT_SECRET", "a")]),
            layer(
                ValueSource::DotEnv,
                &[("JWT_SECRET_FILE", "/does/not/exist")],
            ),
        ],
        problems: Vec::new(),
        ignored: Vec::new(),
    };
    assert_eq!(found(&sources, table::JWT_SECRET).0, "a");
}

#[test]
fn both_forms_of_a_secret_a_missing_file_and_an_empty_file_are_mistakes() {
    let empty = file_with(" \n");
    let path = empty.path().to_str().expect("UTF-8");
    for (vars, words) in [
        (
            &[("JWT_SECRET", "hunter2"), ("JWT_SECRET_FILE", path)][..],
            "JWT_SECRET_FILE too",
        ),
        (&[("JWT_SECRET_FILE", "/does/not/exist")], "cannot be read"),
        (&[("JWT_SECRET_FILE", path)], "is empty"),
    ] {
        let sources = Sources {
            layers: vec![layer(ValueSource::Environment, vars)],
            problems: Vec::new(),
            ignored: Vec::new(),
        };
        let mistake = sources.value(table::JWT_SECRET).err().expect(words);
        assert!(mistake.contains(words), "{mistake}");
        assert!(!mistake.contains("hunter2"), "{mistake}");
    }
}

#[test]
fn service_variables_of_kubernetes_are_ignored_and_named() {
    let vars = [
        ("API_PORT", "tcp://10.43.0.7:8080"),
        ("SMTP_PORT", "tcp://10.43.0.8:587"),
        ("WORKER_PORT", "9090"),
        ("API_PORT_8080_TCP", "tcp://10.43.0.7:8080"),
    ];
    let sources = Sources::from_vars(vars.map(|(n, v)| (n.to_owned(), v.to_owned())));
    assert_eq!(sources.ignored(), ["API_PORT", "SMTP_PORT"]);
    let port = |setting| sources.value(setting).expect("valid").map(|it| it.text);
    assert_eq!(port(table::API_PORT).as_deref(), Some("8080"));
    assert_eq!(port(table::SMTP_PORT), None);
    assert_eq!(port(table::WORKER_PORT).as_deref(), Some("9090"));
}
