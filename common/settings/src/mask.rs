use crate::SettingKind;

const MASK: &str = "***";

/// Returns a value as output may show it: `***` for a secret, and the URL without its password for a
/// URL. A text of any kind that contains a URL is masked in the same way, because people put passwords
/// where they do not belong.
#[must_use]
pub fn masked(kind: SettingKind, value: &str) -> String {
    match kind {
        SettingKind::Secret | SettingKind::SecretList => MASK.to_owned(),
        SettingKind::SecretUrl | SettingKind::SecretUrlList if !value.contains("://") => {
            MASK.to_owned()
        }
        _ if value.contains("://") => masked_urls(value),
        _ => value.to_owned(),
    }
}

/// Masks each URL of a list separated by commas. A comma starts the next URL only if a scheme follows:
/// other commas may be part of a password.
fn masked_urls(text: &str) -> String {
    let mut urls: Vec<String> = Vec::new();
    for part in text.split(',') {
        match urls.last_mut() {
            Some(url) if !part.contains("://") => {
                url.push(',');
                url.push_str(part);
            }
            _ => urls.push(part.to_owned()),
        }
    }
    let urls: Vec<String> = urls.iter().map(|url| masked_url(url)).collect();
    urls.join(",")
}

/// Masks from the first colon after the scheme to the last `@`, so that no part of a password shows,
/// even if it contains `/`, `@` or `#` without percent-encoding. Also masks query parameters that hold secrets.
fn masked_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let rest = match rest.rsplit_once('@') {
        Some((login, rest)) => match login.split_once(':') {
            Some((user, _)) => format!("{user}:{MASK}@{rest}"),
            None => format!("{login}@{rest}"),
        },
        None => rest.to_owned(),
    };
    let rest = match rest.split_once('?') {
        Some((base, query)) => {
            let parameters: Vec<String> = query.split('&').map(masked_parameter).collect();
            format!("{base}?{}", parameters.join("&"))
        }
        None => rest,
    };
    format!("{scheme}://{rest}")
}

fn masked_parameter(parameter: &str) -> String {
    let words = ["pass", "secret", "token", "key"];
    match parameter.split_once('=') {
        Some((name, _)) if words.iter().any(|word| name.to_lowercase().contains(word)) => {
            format!("{name}={MASK}")
        }
        _ => parameter.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(SettingKind::Secret, "hunter2", "***")]
    #[case(SettingKind::SecretList, "whsec_a,whsec_b", "***")]
    #[case(
        SettingKind::SecretUrl,
        "postgres://u:hunter2@h:5/db?sslmode=require",
        "postgres://u:***@h:5/db?sslmode=require"
    )]
    #[case(SettingKind::SecretUrl, "postgres://u@h/db", "postgres://u@h/db")]
    #[case(
        SettingKind::SecretUrl,
        "postgres://h/db?user=u&password=hunter2",
        "postgres://h/db?user=u&password=***"
    )]
    #[case(SettingKind::SecretUrl, "amqp://u:hun/t@er#2@h/v", "amqp://u:***@h/v")]
    #[case(SettingKind::SecretUrl, "hunter2", "***")]
    #[case(
        SettingKind::SecretUrlList,
        "amqp://u:p@a/v, amqps://u:hunter2@b/v",
        "amqp://u:***@a/v, amqps://u:***@b/v"
    )]
    #[case(
        SettingKind::SecretUrlList,
        "amqp://u:hunter2,3@a/v",
        "amqp://u:***@a/v"
    )]
    #[case(
        SettingKind::Url,
        "https://u:hunter2@api.example.com",
        "https://u:***@api.example.com"
    )]
    #[case(SettingKind::Text, "Tidings <a@b.example>", "Tidings <a@b.example>")]
    #[case(SettingKind::Number { min: 0, max: 9 }, "5", "5")]
    fn secrets_are_masked(#[case] kind: SettingKind, #[case] value: &str, #[case] shown: &str) {
        assert_eq!(masked(kind, value), shown);
    }
}
