use tidings_domain::notification::Channel;
use tidings_templates::{Locale, TemplateName, TemplateSource};

use crate::GenericClient;
use crate::error::DbError;
use crate::templates::{self, TemplateKey};

/// A demo template.
#[derive(Clone, Copy, Debug)]
pub struct DemoTemplate {
    /// The name that notifications use.
    pub name: &'static str,
    /// The channel's name.
    pub channel: Channel,
    /// The locale.
    pub locale: &'static str,
    /// The template's parts.
    pub source: TemplateSource<'static>,
    /// Example variables: a JSON object.
    pub variables: &'static str,
}

/// Includes a file of the folder `templates`.
macro_rules! file {
    ($($path:literal),*) => {
        include_str!(concat!("templates/", $($path),*))
    };
}

macro_rules! email {
    ($name:literal, $locale:literal) => {
        DemoTemplate {
            name: $name,
            channel: Channel::Email,
            locale: $locale,
            source: TemplateSource {
                subject: Some(file!($name, "/email.", $locale, ".subject.txt")),
                text: file!($name, "/email.", $locale, ".txt"),
                html: Some(file!($name, "/email.", $locale, ".html")),
            },
            variables: file!($name, "/variables.json"),
        }
    };
}

macro_rules! sms {
    ($name:literal, $locale:literal) => {
        DemoTemplate {
            name: $name,
            channel: Channel::Sms,
            locale: $locale,
            source: TemplateSource {
                subject: None,
                text: file!($name, "/sms.", $locale, ".txt"),
                html: None,
            },
            variables: file!($name, "/variables.json"),
        }
    };
}

macro_rules! push {
    ($name:literal, $locale:literal) => {
        DemoTemplate {
            name: $name,
            channel: Channel::Push,
            locale: $locale,
            source: TemplateSource {
                subject: Some(file!($name, "/push.", $locale, ".subject.txt")),
                text: file!($name, "/push.", $locale, ".txt"),
                html: None,
            },
            variables: file!($name, "/variables.json"),
        }
    };
}

/// All demo templates.
pub const DEMO_TEMPLATES: [DemoTemplate; 10] = [
    email!("welcome", "default"),
    email!("welcome", "de"),
    email!("password-reset", "default"),
    email!("password-reset", "de"),
    email!("order-shipped", "default"),
    email!("order-shipped", "de"),
    sms!("order-shipped", "default"),
    sms!("order-shipped", "de"),
    push!("order-shipped", "default"),
    push!("order-shipped", "de"),
];

/// Inserts the demo templates that have no version yet.
pub(super) async fn seed(client: &impl GenericClient) -> Result<usize, DbError> {
    let mut inserted = 0;
    for example in DEMO_TEMPLATES {
        // Names and locales are constants; a test parses each.
        let name = example.name.parse::<TemplateName>();
        let locale = example.locale.parse::<Locale>();
        if let (Ok(name), Ok(locale)) = (name, locale) {
            let key = TemplateKey {
                name: &name,
                channel: example.channel,
                locale: &locale,
            };
            let is_new = templates::insert_first_version(client, key, example.source).await?;
            inserted += usize::from(is_new);
        }
    }
    Ok(inserted)
}

#[cfg(test)]
mod tests {
    use tidings_domain::content::{Content, Json, Object};
    use tidings_templates::render;

    use super::*;

    fn variables(example: &DemoTemplate) -> Object {
        Json::object(example.variables).expect("an object")
    }

    #[test]
    fn every_example_has_a_name_and_a_locale() {
        for example in DEMO_TEMPLATES {
            assert!(example.name.parse::<TemplateName>().is_ok());
            let locale = example.locale.parse::<Locale>().expect("a locale");
            assert_eq!(locale.as_str(), example.locale);
        }
    }

    #[test]
    fn every_example_can_be_sent_with_its_variables() {
        for example in DEMO_TEMPLATES {
            let variables = variables(&example);
            let rendered = render(example.source, &variables).expect(example.name);
            let content = rendered.content(example.channel, &variables);
            let content = content.expect("content").expect("of a delivered channel");
            let said = match &content {
                Content::Email(email) => {
                    assert!(
                        email
                            .html
                            .as_ref()
                            .is_some_and(|html| html.contains("Anna"))
                    );
                    [email.subject.as_str(), email.text.as_str()].join("\n")
                }
                Content::Sms(sms) => {
                    // At most three parts even if a letter is not in the GSM alphabet.
                    assert!(sms.text.chars().count() <= 201, "{}", sms.text);
                    sms.text.clone()
                }
                Content::Push(push) => [push.title.as_str(), push.body.as_str()].join("\n"),
                Content::Webhook(_) => panic!("no template is for webhooks"),
            };
            assert!(!said.contains("{{") && !said.contains("{%"), "{said}");
        }
    }

    #[test]
    fn every_variable_of_an_example_is_used_and_none_may_be_missing() {
        for example in DEMO_TEMPLATES {
            let all = variables(&example);
            let used = all.keys().filter(|name| {
                let mut fewer = all.clone();
                fewer.remove(*name);
                let words = render(example.source, &fewer).map_err(|error| error.to_string());
                words.is_err_and(|words| words.contains(*name))
            });
            // A push message says less than an e-mail.
            let expected = if example.channel == Channel::Email {
                all.len()
            } else {
                1
            };
            assert!(
                used.count() >= expected,
                "{} {}",
                example.name,
                example.channel
            );
        }
    }

    #[test]
    fn emails_load_no_resources_and_support_light_and_dark_mode() {
        for example in DEMO_TEMPLATES {
            let Some(html) = example.source.html else {
                continue;
            };
            for loading in [
                "<img",
                "<script",
                "<link",
                "url(",
                "@import",
                "src=",
                "@font-face",
            ] {
                assert!(!html.contains(loading), "{} {loading}", example.name);
            }
            for wanted in [
                "color-scheme",
                "prefers-color-scheme: dark",
                "max-width:600px",
                "lang=\"",
                "<title>",
            ] {
                assert!(html.contains(wanted), "{} {wanted}", example.name);
            }
            // Gmail clips longer messages.
            assert!(html.len() < 102 * 1024);
        }
    }
}
