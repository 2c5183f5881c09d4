//! What the page says, in the language of the user.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use tidings_db::DbError;
use tidings_db::user_deletions::{DeletionStatus, LinkedDeletion};

use crate::html_page::{Button, HtmlPage, Span};

/// The texts of one language.
struct Texts {
    language: &'static str,
    /// The title, the paragraph before the time and the one after it, and the button.
    waiting: [&'static str; 4],
    cancelled: [&'static str; 2],
    outdated: [&'static str; 2],
    erased: [&'static str; 2],
    unknown: [&'static str; 2],
}

const ENGLISH: Texts = Texts {
    language: "en",
    waiting: [
        "Keep your account?",
        "The deletion of your account was requested. It begins after:",
        "If you want to keep your account, press the button. Otherwise, you need not do anything.",
        "Keep my account",
    ],
    cancelled: [
        "Your account stays",
        "The deletion is cancelled. You can log in again.",
    ],
    outdated: [
        "This link is too old",
        "The deletion of your account was requested again. Use the link in the newest e-mail.",
    ],
    erased: [
        "Your account is deleted",
        "The deletion has begun, and cannot be cancelled any more.",
    ],
    unknown: [
        "This link is not valid",
        "Check that you have copied all of it, or ask for another e-mail.",
    ],
};

const GERMAN: Texts = Texts {
    language: "de",
    waiting: [
        "Konto behalten?",
        "Die Löschung Ihres Kontos wurde angefordert. Sie beginnt nach:",
        "Wenn Sie Ihr Konto behalten wollen, drücken Sie den Knopf. Andernfalls müssen Sie nichts tun.",
        "Konto behalten",
    ],
    cancelled: [
        "Ihr Konto bleibt",
        "Die Löschung ist abgebrochen. Sie können sich wieder anmelden.",
    ],
    outdated: [
        "Dieser Link ist zu alt",
        "Die Löschung Ihres Kontos wurde noch einmal angefordert. Verwenden Sie den Link in der neuesten E-Mail.",
    ],
    erased: [
        "Ihr Konto ist gelöscht",
        "Die Löschung hat begonnen und kann nicht mehr abgebrochen werden.",
    ],
    unknown: [
        "Dieser Link ist nicht gültig",
        "Prüfen Sie, ob Sie ihn ganz kopiert haben, oder fordern Sie eine weitere E-Mail an.",
    ],
};

/// The page for a deletion; `None` if the link leads to none.
pub fn page(linked: Option<&LinkedDeletion>) -> HttpResponse {
    let locale = linked.and_then(|linked| linked.locale.as_deref());
    let texts = if locale.is_some_and(is_german) {
        GERMAN
    } else {
        ENGLISH
    };
    let told = |[title, text]: [&str; 2], status| {
        HtmlPage {
            language: texts.language,
            title,
            paragraphs: &[&[Span::Plain(text)]],
            buttons: &[],
        }
        .respond(status)
    };
    let Some(linked) = linked else {
        return told(texts.unknown, StatusCode::NOT_FOUND);
    };
    if linked.is_outdated {
        return told(texts.outdated, StatusCode::GONE);
    }
    match linked.deletion.status {
        DeletionStatus::Waiting => {
            let due = linked.deletion.due_at.strftime("%Y-%m-%d %H:%M UTC");
            let due = due.to_string();
            let [title, before, after, label] = texts.waiting;
            let action = None;
            HtmlPage {
                language: texts.language,
                title,
                paragraphs: &[
                    &[Span::Plain(before)],
                    &[Span::Plain(&due)],
                    &[Span::Plain(after)],
                ],
                buttons: &[Button { label, action }],
            }
            .respond(StatusCode::OK)
        }
        DeletionStatus::Cancelled => told(texts.cancelled, StatusCode::OK),
        DeletionStatus::Erasing | DeletionStatus::Done => told(texts.erased, StatusCode::GONE),
    }
}

/// The page while the database is unavailable.
pub fn unavailable(error: &DbError, request_id: &str) -> HttpResponse {
    tracing::warn!(request_id, %error, "a page to cancel a deletion cannot be shown");
    HtmlPage {
        language: ENGLISH.language,
        title: "Please try again",
        paragraphs: &[&[Span::Plain(
            "Nothing has changed. Try again in some minutes.",
        )]],
        buttons: &[],
    }
    .respond(StatusCode::SERVICE_UNAVAILABLE)
}

fn is_german(locale: &str) -> bool {
    let language = locale.split(['-', '_']).next().unwrap_or_default();
    language.eq_ignore_ascii_case("de")
}
