//! What the pages say.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use tidings_domain::notification::Channel;

use super::action::Action;
use crate::html_page::{Button, HtmlPage, Span};

const UNSUBSCRIBE: Button<'static> = Button {
    action: Some(Action::Unsubscribe.reference()),
    label: "Unsubscribe",
};

const ALL_MARKETING: Button<'static> = Button {
    action: Some(Action::UnsubscribeMarketing.reference()),
    label: "Unsubscribe from all marketing",
};

const UNDO: Button<'static> = Button {
    action: Some(Action::Undo.reference()),
    label: "Undo",
};

const UNDO_ALL: Button<'static> = Button {
    action: Some(Action::UndoMarketing.reference()),
    label: "Undo",
};

/// Asks whether the reader wants to unsubscribe. `category` is the name or label of the category.
pub fn question(category: &str, channel: Channel) -> HttpResponse {
    let before = format!("Do you want no more {} of the category ", messages(channel));
    response(
        StatusCode::OK,
        "Unsubscribe",
        [&before, category, "?"],
        &[UNSUBSCRIBE, ALL_MARKETING],
    )
}

/// Says what was done.
pub fn done(action: Action, category: &str, channel: Channel) -> HttpResponse {
    let messages = messages(channel);
    let (title, before, after, buttons) = match action {
        Action::Unsubscribe => (
            "You are unsubscribed",
            format!("You get no more {messages} of the category "),
            ".",
            &[UNDO, ALL_MARKETING][..],
        ),
        Action::UnsubscribeMarketing => (
            "You are unsubscribed from all marketing",
            format!("You get no more {messages} of the marketing categories, nor of the category "),
            ".",
            &[UNDO_ALL][..],
        ),
        Action::Undo | Action::UndoMarketing => (
            "Your choice is taken back",
            format!("You get {messages} of the category "),
            " again, unless you have switched them off in your settings.",
            &[UNSUBSCRIBE, ALL_MARKETING][..],
        ),
    };
    response(StatusCode::OK, title, [&before, category, after], buttons)
}

/// The answer to an invalid token.
pub fn invalid_link() -> HttpResponse {
    let text = "It may be incomplete. Open it from the e-mail once more, or copy all of it.";
    let title = "This link is not valid";
    response(StatusCode::NOT_FOUND, title, [text, "", ""], &[])
}

/// The answer while nothing can be stored.
pub fn unavailable() -> HttpResponse {
    let text = "Your choice cannot be stored at the moment. Please try again in some minutes.";
    let status = StatusCode::SERVICE_UNAVAILABLE;
    response(status, "Please try again", [text, "", ""], &[])
}

/// A page with one paragraph, whose middle part is the category.
fn response(
    status: StatusCode,
    title: &str,
    [before, category, after]: [&str; 3],
    buttons: &[Button<'_>],
) -> HttpResponse {
    let paragraph = [
        Span::Plain(before),
        Span::Strong(category),
        Span::Plain(after),
    ];
    let length = if category.is_empty() { 1 } else { 3 };
    HtmlPage {
        language: "en",
        title,
        paragraphs: &[&paragraph[..length]],
        buttons,
    }
    .respond(status)
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
