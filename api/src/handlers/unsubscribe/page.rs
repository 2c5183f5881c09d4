//! The HTML pages. They have no script, and no file of another path.

use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder};
use tidings_domain::notification::Channel;

use super::action::Action;
use crate::protective_headers::{PAGE_STYLE, Page};

/// What a browser or the provider of a mailbox waits before it tries again, in seconds.
const RETRY_AFTER_SECS: u32 = 60;

/// A form that posts to the page itself, with one button.
#[derive(Clone, Copy)]
struct Button {
    action: Action,
    label: &'static str,
}

const UNSUBSCRIBE: Button = Button {
    action: Action::Unsubscribe,
    label: "Unsubscribe",
};

const ALL_MARKETING: Button = Button {
    action: Action::UnsubscribeMarketing,
    label: "Unsubscribe from all marketing",
};

const UNDO: Button = Button {
    action: Action::Undo,
    label: "Undo",
};

const UNDO_ALL: Button = Button {
    action: Action::UndoMarketing,
    label: "Undo",
};

/// What a page says.
struct Text<'a> {
    status: StatusCode,
    title: &'static str,
    /// HTML.
    paragraph: String,
    buttons: &'a [Button],
}

/// Asks whether the reader wants to unsubscribe. `category` is the name or label of the category.
pub fn question(category: &str, channel: Channel) -> HttpResponse {
    let (messages, category) = (messages(channel), escaped(category));
    response(&Text {
        status: StatusCode::OK,
        title: "Unsubscribe",
        paragraph: format!("Do you want no more {messages} of the category <b>{category}</b>?"),
        buttons: &[UNSUBSCRIBE, ALL_MARKETING],
    })
}

/// Says what was done.
pub fn done(action: Action, category: &str, channel: Channel) -> HttpResponse {
    let (messages, category) = (messages(channel), escaped(category));
    let (title, paragraph, buttons) = match action {
        Action::Unsubscribe => (
            "You are unsubscribed",
            format!("You get no more {messages} of the category <b>{category}</b>."),
            &[UNDO, ALL_MARKETING][..],
        ),
        Action::UnsubscribeMarketing => (
            "You are unsubscribed from all marketing",
            format!(
                "You get no more {messages} of the marketing categories, nor of the category <b>{category}</b>."
            ),
            &[UNDO_ALL][..],
        ),
        Action::Undo | Action::UndoMarketing => (
            "Your choice is taken back",
            format!(
                "You get {messages} of the category <b>{category}</b> again, unless you have switched them off in \
                 your settings."
            ),
            &[UNSUBSCRIBE, ALL_MARKETING][..],
        ),
    };
    response(&Text {
        status: StatusCode::OK,
        title,
        paragraph,
        buttons,
    })
}

/// The answer to an invalid token.
pub fn invalid_link() -> HttpResponse {
    response(&Text {
        status: StatusCode::NOT_FOUND,
        title: "This link is not valid",
        paragraph: "It may be incomplete. Open it from the e-mail once more, or copy all of it."
            .to_owned(),
        buttons: &[],
    })
}

/// The answer while nothing can be stored.
pub fn unavailable() -> HttpResponse {
    response(&Text {
        status: StatusCode::SERVICE_UNAVAILABLE,
        title: "Please try again",
        paragraph: "Your choice cannot be stored at the moment. Please try again in some minutes."
            .to_owned(),
        buttons: &[],
    })
}

fn response(text: &Text<'_>) -> HttpResponse {
    let mut response = HttpResponseBuilder::new(text.status);
    if text.status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((RETRY_AFTER, RETRY_AFTER_SECS));
    }
    let mut response = response.content_type(ContentType::html()).body(html(text));
    response.extensions_mut().insert(Page);
    response
}

fn html(text: &Text<'_>) -> String {
    let Text {
        title, paragraph, ..
    } = text;
    let buttons = text.buttons.iter().map(|Button { action, label }| {
        let reference = action.reference();
        format!("<form method=\"post\" action=\"{reference}\"><button>{label}</button></form>")
    });
    let buttons: String = buttons.collect();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title><style>{PAGE_STYLE}</style></head>\
         <body><main><h1>{title}</h1><p>{paragraph}</p>{buttons}</main></body></html>"
    )
}

/// What arrives by a channel.
const fn messages(channel: Channel) -> &'static str {
    match channel {
        Channel::InApp | Channel::Webhook => "notifications",
        Channel::Email => "e-mails",
        Channel::Sms => "text messages",
        Channel::Push => "push messages",
    }
}

/// Text in HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;

    use super::*;

    #[test]
    fn the_label_of_a_category_is_text() {
        for response in [
            question("<script>\"&'", Channel::Email),
            done(Action::Undo, "<script>\"&'", Channel::Sms),
        ] {
            let body = response.into_body().try_into_bytes().expect("bytes");
            let page = String::from_utf8(body.to_vec()).expect("UTF-8");
            assert!(
                page.contains("<b>&lt;script&gt;&quot;&amp;&#39;</b>"),
                "{page}"
            );
            assert!(!page.contains("<script"), "{page}");
        }
    }
}
