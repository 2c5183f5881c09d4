//! Pages for people. They work without JavaScript, and load nothing.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, RETRY_AFTER};

use crate::protective_headers::{PAGE_STYLE, ResponseKind};

/// What a browser or the provider of a mailbox waits before it tries again, in seconds.
const RETRY_AFTER_SECS: u32 = 60;

/// The HTML of somebody else as a page for `<iframe sandbox>`, whose policy lets it load nothing and run no script.
pub fn preview_page(html: String) -> HttpResponse {
    let mut response = HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(html);
    response.extensions_mut().insert(ResponseKind::Preview);
    response
}

/// A page. Its texts are plain: they are escaped.
#[derive(Clone, Copy, Debug)]
pub struct HtmlPage<'a> {
    /// The language (BCP 47).
    pub language: &'a str,
    /// The title and heading.
    pub title: &'a str,
    /// The paragraphs.
    pub paragraphs: &'a [&'a [Span<'a>]],
    /// The buttons.
    pub buttons: &'a [Button<'a>],
}

/// A part of a paragraph.
#[derive(Clone, Copy, Debug)]
pub enum Span<'a> {
    /// As it is.
    Plain(&'a str),
    /// Emphasized.
    Strong(&'a str),
}

/// A button that sends a POST to the path of the page.
#[derive(Clone, Copy, Debug)]
pub struct Button<'a> {
    /// The text.
    pub label: &'a str,
    /// The reference to the page that the POST goes to; `None` stands for its URL.
    pub action: Option<&'a str>,
}

impl HtmlPage<'_> {
    /// The response. 503 says when to try again.
    pub fn respond(self, status: StatusCode) -> HttpResponse {
        let mut response = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECS));
        }
        let mut response = response.content_type(ContentType::html()).body(self.html());
        response.extensions_mut().insert(ResponseKind::Page);
        response
    }

    fn html(self) -> String {
        let title = escaped(self.title);
        let paragraphs = self.paragraphs.iter().map(|spans| {
            let spans: String = spans.iter().map(Span::html).collect();
            format!("<p>{spans}</p>\n")
        });
        let paragraphs: String = paragraphs.collect();
        let buttons: String = self.buttons.iter().map(Button::html).collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"robots\" content=\"noindex\">\n\
             <title>{title}</title>\n<style>{PAGE_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
             {paragraphs}{buttons}</main>\n</body>\n</html>\n",
            escaped(self.language)
        )
    }
}

impl Span<'_> {
    fn html(&self) -> String {
        match self {
            Self::Plain(text) => escaped(text),
            Self::Strong(text) => format!("<b>{}</b>", escaped(text)),
        }
    }
}

impl Button<'_> {
    fn html(&self) -> String {
        let action = self.action.map_or_else(String::new, |reference| {
            format!(" action=\"{}\"", escaped(reference))
        });
        let label = escaped(self.label);
        format!("<form method=\"post\"{action}><button type=\"submit\">{label}</button></form>\n")
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_a_page_without_a_button_has_no_form() {
        let page = HtmlPage {
            language: "en",
            title: "<b>",
            paragraphs: &[&[Span::Plain("a & \"b\""), Span::Strong("'c'")]],
            buttons: &[],
        };
        let html = page.html();
        assert!(html.contains("<h1>&lt;b&gt;</h1>"), "{html}");
        let paragraph = "<p>a &amp; &quot;b&quot;<b>&#39;c&#39;</b></p>";
        assert!(html.contains(paragraph), "{html}");
        assert!(!html.contains("<form"));
        let button = |action| Button {
            label: "Go",
            action,
        };
        let page = HtmlPage {
            buttons: &[button(None), button(Some("?undo"))],
            ..page
        };
        let html = page.html();
        assert!(
            html.contains("<form method=\"post\"><button type=\"submit\">Go</button>"),
            "{html}"
        );
        assert!(
            html.contains("<form method=\"post\" action=\"?undo\"><button"),
            "{html}"
        );
    }
}
