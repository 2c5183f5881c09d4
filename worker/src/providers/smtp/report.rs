use std::error::Error as _;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::Response;

use super::refusal::refused;
use super::stage::Stage;
use crate::providers::words::struck_out;
use crate::providers::{Report, clipped};

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The server said no.
    Refused {
        /// The reply code.
        code: u16,
        /// The text behind it.
        words: String,
    },
    /// The server offers no way to log in that we know.
    NoLogin(String),
    /// There was no answer, or none that was one to what we had said.
    Lost(String),
}

impl Cause {
    /// An answer that belongs to no command of ours.
    pub(super) fn unexpected(answer: &Response) -> Self {
        let words = words(answer);
        Self::Lost(format!("unexpected answer: {} {words}", answer.code()))
    }

    pub(super) const fn at(self, stage: Stage) -> Trouble {
        Trouble { stage, cause: self }
    }
}

impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        let source = error.source().map(ToString::to_string);
        match (error.status(), source) {
            (Some(code), words) => Self::Refused {
                code: code.into(),
                words: words.unwrap_or_default(),
            },
            // lettre's own words for what it found, such as a server without STARTTLS.
            (None, Some(words)) if error.is_client() => Self::Lost(words),
            (None, _) => Self::Lost(error.to_string()),
        }
    }
}

/// Why a message was not taken, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) stage: Stage,
    pub(super) cause: Cause,
}

impl Trouble {
    /// Whether it may be no more than a connection that was closed while nobody used it: then the
    /// message has a second try on a new one.
    pub(super) const fn may_be_stale(&self) -> bool {
        matches!(self.stage, Stage::Sender | Stage::Recipient)
            && matches!(
                self.cause,
                Cause::Lost(_) | Cause::Refused { code: 421, .. }
            )
    }

    /// Whether the connection can be used again.
    pub(super) const fn leaves_connection(&self) -> bool {
        matches!(self.cause, Cause::Refused { code, .. } if code != 421)
    }
}

/// What follows from the server's having taken the message: its reference is all that the server said,
/// because each has its own way to name its queue's ids; but for `recipient`, as the texts that name it.
pub(super) fn delivered(answer: &Response, recipient: &[&str]) -> Report {
    let words = clipped(&struck_out(&words(answer), recipient));
    Report::Delivered {
        reference: (!words.is_empty()).then_some(words),
    }
}

/// What follows from the message's not having been taken, in words that do not name `recipient`.
pub(super) fn not_taken(trouble: Trouble, recipient: &[&str]) -> Report {
    let told = |words: &str| struck_out(words, recipient);
    match trouble.cause {
        Cause::Refused { code, words } => refused(trouble.stage, code, &told(&words)),
        Cause::NoLogin(error) => Report::CredentialsRefused { error },
        Cause::Lost(error) if trouble.stage == Stage::Ended => Report::Unknown {
            error: clipped(&told(&error)),
        },
        Cause::Lost(error) => Report::Failed {
            error: clipped(&told(&error)),
        },
    }
}

/// What the server said behind the code, as one line.
fn words(answer: &Response) -> String {
    answer.message().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: [&str; 2] = ["anna@exämple.org", "anna@xn--exmple-cua.org"];

    #[test]
    fn a_lost_connection_leaves_in_doubt_only_what_had_ended() {
        for stage in [
            Stage::Connecting,
            Stage::LoggingIn,
            Stage::Sender,
            Stage::Recipient,
            Stage::Ended,
        ] {
            let error = "network error".to_owned();
            let lost = Cause::Lost(error.clone()).at(stage);
            let may_be_stale = [Stage::Sender, Stage::Recipient].contains(&stage);
            assert_eq!(lost.may_be_stale(), may_be_stale);
            let expected = match stage {
                Stage::Ended => Report::Unknown { error },
                _ => Report::Failed { error },
            };
            assert_eq!(not_taken(lost, &TO), expected);
        }
    }

    #[test]
    fn the_reference_is_what_the_server_said() {
        let answer: Response = "250-2.0.0 Ok:\r\n250 queued as 4ABC\r\n"
            .parse()
            .expect("an answer");
        let reference = Some("2.0.0 Ok: queued as 4ABC".to_owned());
        assert_eq!(delivered(&answer, &TO), Report::Delivered { reference });
        let silent: Response = "250 \r\n".parse().expect("an answer");
        let reference = None;
        assert_eq!(delivered(&silent, &TO), Report::Delivered { reference });
    }

    #[test]
    fn the_recipient_is_struck_out_of_whatever_the_server_says() {
        let answer: Response = "250 queued for Anna@xn--exmple-cua.org\r\n"
            .parse()
            .expect("an answer");
        let reference = Some("queued for ***".to_owned());
        assert_eq!(delivered(&answer, &TO), Report::Delivered { reference });
        let refused = Cause::Refused {
            code: 550,
            words: "5.1.1 <anna@exämple.org>: unknown".to_owned(),
        };
        let error = "550 5.1.1 <***>: unknown".to_owned();
        let report = not_taken(refused.at(Stage::Recipient), &TO);
        assert_eq!(report, Report::Rejected { error });
        let lost = Cause::unexpected(&answer).at(Stage::Recipient);
        let error = "unexpected answer: 250 queued for ***".to_owned();
        assert_eq!(not_taken(lost, &TO), Report::Failed { error });
    }
}
