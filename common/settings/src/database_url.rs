use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

use crate::{Reader, Setting, table};

const PARTS: [&Setting; 5] = [
    table::DATABASE_HOST,
    table::DATABASE_PORT,
    table::DATABASE_USER,
    table::DATABASE_PASSWORD,
    table::DATABASE_NAME,
];

/// The characters that a URL can hold anywhere without percent-encoding.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns whether `DATABASE_URL` or one of the parts is set.
#[must_use]
pub fn database_is_set(reader: &Reader) -> bool {
    let mut all = PARTS.into_iter().chain([table::DATABASE_URL]);
    all.any(|setting| reader.is_set(setting))
}

/// Reads `DATABASE_URL`, or builds the URL from `DATABASE_HOST`, `DATABASE_PORT`, `DATABASE_USER`,
/// `DATABASE_PASSWORD` and `DATABASE_NAME`. Returns `None` after a mistake.
pub fn read_database_url(reader: &mut Reader) -> Option<SecretString> {
    let Some(given) = PARTS.into_iter().find(|part| reader.is_set(part)) else {
        if !reader.is_set(table::DATABASE_URL) {
            let names = PARTS.map(|part| part.name).join(", ");
            let message = format!("{}, or set {names}", table::DATABASE_URL.missing());
            reader.problem(table::DATABASE_URL, message);
            return None;
        }
        return reader.secret(table::DATABASE_URL);
    };
    if reader.is_set(table::DATABASE_URL) {
        let message = format!("is set, and {} too: set one or the other", given.name);
        reader.problem(table::DATABASE_URL, message);
        return None;
    }
    let host = reader.required::<String>(table::DATABASE_HOST);
    let port = reader.optional(table::DATABASE_PORT).unwrap_or(5432_u16);
    let user = reader.required::<String>(table::DATABASE_USER);
    let password = reader.secret(table::DATABASE_PASSWORD);
    let name = reader.required::<String>(table::DATABASE_NAME);
    Some(url(&host?, port, &user?, password.as_ref(), &name?))
}

fn url(
    host: &str,
    port: u16,
    user: &str,
    password: Option<&SecretString>,
    name: &str,
) -> SecretString {
    let escaped = |text| utf8_percent_encode(text, ESCAPED).to_string();
    // A URL holds an IPv6 address in brackets.
    let host = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else if host.starts_with('[') {
        host.to_owned()
    } else {
        escaped(host)
    };
    let password = password.map(|password| format!(":{}", escaped(password.expose_secret())));
    format!(
        "postgres://{}{}@{host}:{port}/{}",
        escaped(user),
        password.unwrap_or_default(),
        escaped(name)
    )
    .into()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::SettingProblems;

    fn read(vars: &[(&str, &str)]) -> Result<String, SettingProblems> {
        let mut reader =
            Reader::from_vars(vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        let url = read_database_url(&mut reader);
        reader.finish(url).map(|url| url.expose_secret().to_owned())
    }

    #[rstest]
    #[case(
        "db.example.com",
        "",
        "p@ss:w/rd",
        "postgres://u%2Fx:p%40ss%3Aw%2Frd@db.example.com:5432/d%20b"
    )]
    #[case("::1", "6000", "", "postgres://u%2Fx@[::1]:6000/d%20b")]
    #[case(
        "/run/postgresql",
        "",
        "p",
        "postgres://u%2Fx:p@%2Frun%2Fpostgresql:5432/d%20b"
    )]
    fn the_parts_form_a_url(
        #[case] host: &str,
        #[case] port: &str,
        #[case] password: &str,
        #[case] url: &str,
    ) {
        let parts = [
            ("DATABASE_HOST", host),
            ("DATABASE_PORT", port),
            ("DATABASE_USER", "u/x"),
            ("DATABASE_PASSWORD", password),
            ("DATABASE_NAME", "d b"),
        ];
        assert_eq!(read(&parts).expect("valid"), url);
    }

    #[test]
    fn the_url_together_with_parts_is_a_mistake() {
        let both = read(&[
            ("DATABASE_URL", "postgres://u:hunter2@h/d"),
            ("DATABASE_PASSWORD", "hunter2"),
        ]);
        let message = both.expect_err("a mistake").to_string();
        assert!(
            message.contains("DATABASE_URL: is set, and DATABASE_PASSWORD too"),
            "{message}"
        );
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn missing_settings_are_named() {
        let names = |vars: &[(&str, &str)]| -> Vec<&str> {
            let problems = read(vars).expect_err("a mistake");
            problems.0.iter().map(|problem| problem.name).collect()
        };
        assert_eq!(names(&[]), ["DATABASE_URL"]);
        assert_eq!(
            names(&[("DATABASE_PORT", "1")]),
            ["DATABASE_HOST", "DATABASE_USER", "DATABASE_NAME"]
        );
        assert_eq!(
            names(&[
                ("DATABASE_PORT", "x"),
                ("DATABASE_HOST", "h"),
                ("DATABASE_USER", "u"),
                ("DATABASE_NAME", "n")
            ]),
            ["DATABASE_PORT"]
        );
    }
}
