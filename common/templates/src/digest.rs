//! The built-in templates of digests, for categories that have none of their own.

use tidings_domain::notification::DeliveredChannel;

use super::TemplateSource;

const TITLE: &str = "{{ total }} new notifications";

const EMAIL: TemplateSource<'_> = TemplateSource {
    subject: Some(TITLE),
    text: "You have {{ total }} new notifications.
{% for item in items %}
- {{ item.summary }}{% endfor %}
{% if items|length < total %}
These are the newest {{ items|length }} of them.
{% endif %}{% if unsubscribeUrl is defined %}
Unsubscribe: {{ unsubscribeUrl }}
{% endif %}",
    html: None,
};

/// A text message shows few items, because it must be short.
const SMS: TemplateSource<'_> = TemplateSource {
    subject: None,
    text: "You have {{ total }} new notifications.{% for item in items %}{% if loop.index <= 5 %}
- {{ item.summary }}{% endif %}{% endfor %}",
    html: None,
};

const PUSH: TemplateSource<'_> = TemplateSource {
    subject: Some(TITLE),
    text: "{% for item in items %}{% if loop.index <= 5 %}{{ item.summary }}
{% endif %}{% endfor %}{% if not items %}{{ total }} new notifications{% endif %}",
    html: None,
};

/// The built-in template of the digests of a channel; `None` for webhooks, whose payload has no template.
#[must_use]
pub const fn digest_template(channel: DeliveredChannel) -> Option<TemplateSource<'static>> {
    match channel {
        DeliveredChannel::Email => Some(EMAIL),
        DeliveredChannel::Sms => Some(SMS),
        DeliveredChannel::Push => Some(PUSH),
        DeliveredChannel::Webhook => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidings_domain::content::{ChannelContent, Email, Json, Push, Sms};
    use tidings_domain::notification::Channel;

    use super::*;

    fn rendered<T: ChannelContent>(source: TemplateSource<'_>, shown: usize, total: usize) -> T {
        let item = json!({"summary": "ä".repeat(120), "payload": {"subject": "<b>"}});
        let variables = json!({"items": vec![item; shown], "total": total}).to_string();
        let variables = Json::object(&variables).expect("an object");
        let rendered = crate::render(source, &variables).expect("rendered");
        let channel: Channel = T::CHANNEL.into();
        let payload = rendered.payload(channel, &variables);
        T::from_payload(&payload).expect("content of the channel")
    }

    #[test]
    fn every_channel_gets_something_readable() {
        for (shown, total) in [(2, 2), (50, 1000), (0, 2)] {
            let title = format!("{total} new notifications");
            let email: Email = rendered(EMAIL, shown, total);
            assert_eq!(email.subject, title);
            assert_eq!(email.text.matches("\n- ä").count(), shown, "{}", email.text);
            let is_cut = email.text.contains("the newest");
            assert_eq!(is_cut, shown < total, "{}", email.text);
            assert!(!email.text.contains("Unsubscribe"));
            let sms: Sms = rendered(SMS, shown, total);
            assert_eq!(sms.text.matches("\n- ä").count(), shown.min(5));
            let push: Push = rendered(PUSH, shown, total);
            assert_eq!(push.title, title);
            assert!(!push.body.trim().is_empty());
        }
    }
}
