//! Pages for people. They work without JavaScript.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;

use crate::protective_headers::{PAGE_STYLE, Page};

/// A page. Its texts are plain: they are escaped.
#[derive(Clone, Copy, Debug)]
pub struct HtmlPage<'a> {
    /// The language (BCP 47).
    pub language: &'a str,
    /// The title and heading.
    pub title: &'a str,
    /// The paragraphs.
    pub paragraphs: &'a [&'a str],
    /// The text of a button that sends a POST to the path of the page.
    pub button: Option<&'a str>,
}

impl HtmlPage<'_> {
    /// The response.
    pub fn respond(self, status: StatusCode) -> HttpResponse {
        let mut response = HttpResponse::build(status)
            .content_type(ContentType::html())
            .body(self.html());
        response.extensions_mut().insert(Page);
        response
    }

    fn html(self) -> String {
        let title = escaped(self.title);
        let paragraphs: Vec<String> = self.paragraphs.iter().map(|text| escaped(text)).collect();
        let paragraphs = paragraphs.join("</p>\n<p>");
        let form = self.button.map_or_else(String::new, |text| {
            let text = escaped(text);
            format!("<form method=\"post\"><button type=\"submit\">{text}</button></form>\n")
        });
        format!(
            "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"robots\" content=\"noindex\">\n\
             <title>{title}</title>\n<style>{PAGE_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
             <p>{paragraphs}</p>\n{form}</main>\n</body>\n</html>\n",
            escaped(self.language)
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_a_page_without_a_button_has_no_form() {
        let page = HtmlPage {
            language: "en",
            title: "<b>",
            paragraphs: &["a & \"b\""],
            button: None,
        };
        let html = page.html();
        assert!(html.contains("<h1>&lt;b&gt;</h1>") && html.contains("a &amp; &quot;b&quot;"));
        assert!(!html.contains("<form"));
        let page = HtmlPage {
            button: Some("Go"),
            ..page
        };
        assert!(page.html().contains("<form method=\"post\"><button"));
    }
}
