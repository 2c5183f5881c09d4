use std::fmt::Display;

use tidings_db::templates::TemplateKey;
use tidings_domain::access::Scope;
use tidings_domain::notification::Channel;
use tidings_templates::{Locale, TemplateName};

use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};

/// Begins the names of the templates of accounts.
const ACCOUNT_PREFIX: &str = "account-";

/// The template that a path identifies.
#[derive(Debug)]
pub(super) struct TemplatePath {
    pub(super) name: TemplateName,
    pub(super) channel: Channel,
    pub(super) locale: Locale,
}

impl TemplatePath {
    /// Parses the segments of a path.
    ///
    /// # Errors
    ///
    /// Returns 400 with everything that is wrong.
    pub(super) fn parse(
        (name, channel, locale): &(String, String, String),
    ) -> Result<Self, ApiError> {
        let mut problems = Vec::new();
        let name = keep(&mut problems, "name", name.parse::<TemplateName>());
        let channel = keep(&mut problems, "channel", read_channel(channel));
        let locale = keep(&mut problems, "locale", locale.parse::<Locale>());
        match (name, channel, locale) {
            (Some(name), Some(channel), Some(locale)) => Ok(Self {
                name,
                channel,
                locale,
            }),
            _ => Err(invalid_path(problems)),
        }
    }

    /// Returns 403 unless the caller may write the template. Those of accounts are given codes and tokens with which users log
    /// in, so a new version could send the tokens of an admin elsewhere.
    pub(super) fn check_write(&self, caller: &Caller) -> Result<(), ApiError> {
        if !is_of_accounts(&self.name) || caller.check(Scope::Admin).is_ok() {
            return Ok(());
        }
        Err(ApiError {
            code: "account_template",
            ..ApiError::forbidden("Only the scope admin allows writing the templates of accounts")
        })
    }

    /// The name of the template in the audit log.
    pub(super) fn audit_target(&self) -> String {
        format!("{}/{}/{}", self.name, self.channel, self.locale)
    }

    pub(super) const fn key(&self) -> TemplateKey<'_> {
        TemplateKey {
            name: &self.name,
            channel: self.channel,
            locale: &self.locale,
        }
    }
}

/// Whether the messages of accounts use the template.
pub(super) fn is_of_accounts(name: &TemplateName) -> bool {
    name.as_str().starts_with(ACCOUNT_PREFIX)
}

/// Parses a template's name in a path.
pub(super) fn read_name(name: &str) -> Result<TemplateName, ApiError> {
    name.parse().map_err(|error| {
        let mut problems = Vec::new();
        keep::<TemplateName, _>(&mut problems, "name", Err(error));
        invalid_path(problems)
    })
}

/// Parses the name of a channel that has templates: one that carries text.
pub fn read_channel(text: &str) -> Result<Channel, &'static str> {
    text.parse()
        .ok()
        .filter(|channel| matches!(channel, Channel::Email | Channel::Sms | Channel::Push))
        .ok_or("must be one of: email, sms, push; other channels carry data, not text")
}

fn keep<T, E: Display>(
    problems: &mut Vec<ErrorDetail>,
    field: &str,
    read: Result<T, E>,
) -> Option<T> {
    read.map_err(|error| problems.push(ErrorDetail::new(field, error.to_string())))
        .ok()
}

fn invalid_path(problems: Vec<ErrorDetail>) -> ApiError {
    let names: Vec<&str> = problems.iter().map(|p| p.field.as_str()).collect();
    let message = format!("The path names no template: {}", names.join(", "));
    ApiError::bad_request("invalid_path", message, problems)
}

/// The 404 response.
pub(super) fn not_found() -> ApiError {
    ApiError::not_found("There is no such template")
}
