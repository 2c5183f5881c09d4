//! The conditions of a filter, in queries and in bodies.

use tidings_broker::Stage;
use tidings_domain::notification::Channel;

pub(super) const REASON: &str = "must be the code of a failure, such as unknown_user";

/// What `channel` may be: the channels, the stages of messages without a row, and `none`.
pub(crate) fn channel_names() -> impl Iterator<Item = &'static str> {
    let in_app = Channel::InApp.as_str();
    let stages = Stage::ALL.into_iter().map(Stage::as_str);
    stages.chain([in_app, "none"])
}

/// Reads a channel.
pub(super) fn channel(text: &str) -> Result<String, String> {
    let mut names = channel_names();
    let name = names.find(|name| *name == text);
    name.map(str::to_owned).ok_or_else(|| {
        let names: Vec<&str> = channel_names().collect();
        format!("must be one of {}", names.join(", "))
    })
}

/// Reads a provider: its name, or a host.
pub(super) fn provider(text: &str) -> Result<String, String> {
    if (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(
            "must be a provider, such as smtp, or the host of a webhook, such as example.com"
                .to_owned(),
        )
    }
}

/// Reads the code of a failure.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=100).contains(&text.len()) && text.bytes().all(is_code) {
        Ok(text.to_owned())
    } else {
        Err(REASON.to_owned())
    }
}
