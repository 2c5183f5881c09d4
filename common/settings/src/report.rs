use serde::Serialize;

use crate::{DefaultValue, Setting, Sources, masked, table};

/// What is known of one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingReport {
    /// The name.
    pub name: &'static str,
    /// The value, masked; `None` if the setting has none.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: Option<String>,
    /// Whether the setting is required and has no value.
    pub missing: bool,
    /// Why the file of the secret cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mistake: Option<String>,
}

/// Returns what is known of every setting, without secrets.
#[must_use]
pub fn report(sources: &Sources) -> Vec<SettingReport> {
    table::all()
        .map(|setting| shown(setting, sources))
        .collect()
}

fn shown(setting: &Setting, sources: &Sources) -> SettingReport {
    let mut shown = SettingReport {
        name: setting.name,
        value: None,
        source: None,
        missing: false,
        mistake: None,
    };
    match sources.value(setting) {
        Ok(Some(value)) => {
            shown.value = Some(masked(setting.kind, &value.text));
            shown.source = Some(match value.secret_file {
                Some(file) => format!("{}, file {}", value.source, file.display()),
                None => value.source.to_string(),
            });
        }
        Ok(None) => shown.missing = is_required(setting, sources),
        Err(mistake) => shown.mistake = Some(mistake),
    }
    shown
}

fn is_required(setting: &Setting, sources: &Sources) -> bool {
    let DefaultValue::RequiredIf(condition) = setting.default else {
        return false;
    };
    condition.holds(|name| {
        let value = sources.value(table::find(name)?).ok()??;
        Some(value.text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(name: &str, vars: &[(&str, &str)]) -> SettingReport {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let sources = Sources::from_vars(vars.iter().map(owned));
        shown(table::find(name).expect("a setting"), &sources)
    }

    fn missing(name: &str, vars: &[(&str, &str)]) -> bool {
        find(name, vars).missing
    }

    #[test]
    fn values_are_masked_and_have_a_source() {
        let vars = [
            ("DATABASE_URL", "postgres://u:hunter2@h/d"),
            ("JWT_SECRET", "hunter2"),
        ];
        let url = find("DATABASE_URL", &vars);
        assert_eq!(url.value.as_deref(), Some("postgres://u:***@h/d"));
        assert_eq!(url.source.as_deref(), Some("environment"));
        assert_eq!(find("JWT_SECRET", &vars).value.as_deref(), Some("***"));
        assert_eq!(find("API_PORT", &vars).source.as_deref(), Some("default"));
    }

    #[test]
    fn a_setting_is_missing_only_if_something_needs_it() {
        for name in ["DATABASE_URL", "RABBITMQ_URL", "JWT_SECRET"] {
            assert!(missing(name, &[]), "{name}");
        }
        assert!(!missing("DATABASE_URL", &[("DATABASE_HOST", "h")]));
        assert!(missing("DATABASE_USER", &[("DATABASE_HOST", "h")]));
        assert!(!missing("DATABASE_USER", &[]));
        assert!(!missing(
            "RABBITMQ_URL",
            &[("RABBITMQ_URLS", "amqp://a,amqp://b")]
        ));
        assert!(!missing("JWT_SECRET", &[("JWT_ALGORITHM", "RS256")]));
        assert!(missing(
            "JWT_PUBLIC_KEY_FILE",
            &[("JWT_ALGORITHM", "HS256, RS256")]
        ));
        assert!(missing("SMTP_HOST", &[("EMAIL_PROVIDER", "smtp")]));
        assert!(!missing("SMTP_HOST", &[("EMAIL_PROVIDER", "sendgrid")]));
        assert!(missing(
            "SENDGRID_API_KEY",
            &[("EMAIL_PROVIDER", "sendgrid")]
        ));
    }

    #[test]
    fn a_secret_file_that_cannot_be_read_shows_as_such() {
        let shown = find("JWT_SECRET", &[("JWT_SECRET_FILE", "/does/not/exist")]);
        assert!(shown.mistake.is_some() && !shown.missing && shown.value.is_none());
    }
}
