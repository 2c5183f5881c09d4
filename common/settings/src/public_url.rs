use url::Url;

use crate::{AppEnv, Reader, is_this_machine, table};

/// The longest URL, in bytes. A link in the header of an e-mail must fit on a line of 998 bytes (RFC 5322 §2.1.1).
const MAX_LENGTH: usize = 300;

/// Reads `PUBLIC_URL`. Returns `None` if it is not set, and after a mistake.
pub fn read_public_url(reader: &mut Reader) -> Option<Url> {
    let setting = table::PUBLIC_URL;
    let text = reader.text(setting)?;
    // The message does not quote the value, because it may contain a password.
    let Some(url) = Url::parse(text).ok().filter(is_plain) else {
        let message = format!(
            "must be an https URL of at most {MAX_LENGTH} characters without user, password, query and fragment"
        );
        reader.problem(setting, message);
        return None;
    };
    let on_this_machine = url.host_str().is_some_and(is_this_machine);
    let development = !AppEnv::reads_as_production(reader);
    if url.scheme() != "https" && !(development && on_this_machine) {
        let message = "must begin with https://; in development, http://localhost is valid, too";
        reader.problem(setting, message);
        return None;
    }
    Some(url)
}

fn is_plain(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.as_str().len() <= MAX_LENGTH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(environment: &str, value: &str) -> Result<Option<Url>, String> {
        let vars = [("APP_ENV", environment), ("PUBLIC_URL", value)];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut reader = Reader::from_vars(vars);
        let url = read_public_url(&mut reader);
        reader
            .finish(Some(url))
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn only_development_takes_http_and_only_on_this_machine() {
        for (environment, value, right) in [
            ("production", "", true),
            ("production", "https://notify.example.com", true),
            ("production", "https://example.com/notify/", true),
            ("production", "http://localhost:8080", false),
            ("development", "http://localhost:8080", true),
            ("development", "http://127.0.0.1:8080", true),
            ("development", "http://[::1]:8080", true),
            ("development", "http://example.com", false),
            ("development", "https://example.com", true),
            ("development", "ftp://localhost", false),
            ("production", "notify.example.com", false),
            ("production", "https://u:secret@example.com", false),
            ("production", "https://example.com/?q", false),
            ("production", "https://example.com/#f", false),
        ] {
            let read = read(environment, value);
            assert_eq!(read.is_ok(), right, "{environment} {value}: {read:?}");
            if let Err(problem) = read {
                assert!(problem.contains("PUBLIC_URL"), "{problem}");
                assert!(!problem.contains("secret"), "{problem}");
            }
        }
        let long = format!("https://example.com/{}", "x".repeat(MAX_LENGTH));
        assert!(read("production", &long).is_err());
    }
}
