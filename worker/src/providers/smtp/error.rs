use std::error::Error as _;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::Response;

use super::installation_refusal::refused_part;
use super::phase::SmtpPhase;
use super::reply::reply_outcome;
use super::reply_lines::NO_TEXT;
use crate::providers::redact::redact;
use crate::providers::{SendOutcome, truncate};

/// Why a message was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SmtpErrorCause {
    /// The server refused a command.
    Refused {
        /// The reply code.
        code: u16,
        /// The text after the code.
        text: String,
    },
    /// The server offers no supported authentication mechanism.
    NoLogin(String),
    /// There was no reply, or one that does not match the command.
    Lost(String),
}

impl SmtpErrorCause {
    /// The reply does not match the command.
    pub(super) fn unexpected(reply: &Response) -> Self {
        let text = reply_text(reply);
        Self::Lost(format!("unexpected answer: {} {text}", reply.code()))
    }

    /// A negative reply.
    pub(super) fn negative(reply: &Response) -> Self {
        Self::Refused {
            code: reply.code().into(),
            text: reply_text(reply),
        }
    }

    /// The same cause, if it makes only the connection unusable.
    pub(super) fn into_lost(self) -> Self {
        match self {
            Self::Refused { code, text } => Self::Lost(format!("{code} {text}")),
            other => other,
        }
    }

    pub(super) const fn at(self, phase: SmtpPhase) -> SmtpError {
        SmtpError { phase, cause: self }
    }
}

impl From<Error> for SmtpErrorCause {
    fn from(error: Error) -> Self {
        let source = error.source().map(ToString::to_string);
        match (error.status(), source) {
            (Some(code), text) => Self::Refused {
                code: code.into(),
                text: text.unwrap_or_default(),
            },
            // lettre's description, such as a server without STARTTLS.
            (None, Some(text)) if error.is_client() => Self::Lost(text),
            (None, _) => Self::Lost(error.to_string()),
        }
    }
}

/// Why a message was not accepted, and in which phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SmtpError {
    pub(super) phase: SmtpPhase,
    pub(super) cause: SmtpErrorCause,
}

impl SmtpError {
    /// Whether the server may have closed an idle connection. If so, the message is sent again on a new
    /// connection.
    pub(super) const fn may_be_stale(&self) -> bool {
        matches!(self.phase, SmtpPhase::Sender | SmtpPhase::Recipient)
            && matches!(
                self.cause,
                SmtpErrorCause::Lost(_) | SmtpErrorCause::Refused { code: 421, .. }
            )
    }

    /// Whether the connection remains usable.
    pub(super) const fn leaves_connection(&self) -> bool {
        matches!(self.cause, SmtpErrorCause::Refused { code, .. } if code != 421)
    }
}

/// The outcome of an accepted message. Its reference is the whole reply, because each server formats its
/// queue id differently, with the forms of the `recipient` redacted.
pub(super) fn delivered_outcome(reply: &Response, recipient: &[&str]) -> SendOutcome {
    let text = truncate(&redact(&reply_text(reply), recipient));
    SendOutcome::Delivered {
        reference: (!text.is_empty() && text != NO_TEXT).then_some(text),
    }
}

/// The outcome of a message that was not accepted, with the forms of the `recipient` redacted. `own_sender` tells
/// whether the sender is `SMTP_FROM`.
pub(super) fn error_outcome(
    failed: SmtpError,
    recipient: &[&str],
    own_sender: bool,
) -> SendOutcome {
    let redacted = |text: &str| redact(text, recipient);
    match failed.cause {
        SmtpErrorCause::Refused { code, text } => {
            let text = redacted(&text);
            match (
                reply_outcome(failed.phase, code, &text),
                refused_part(failed.phase, code, &text, own_sender),
            ) {
                (SendOutcome::Rejected { error }, Some(reason)) => {
                    SendOutcome::InstallationRefused { reason, error }
                }
                (outcome, _) => outcome,
            }
        }
        SmtpErrorCause::NoLogin(error) => SendOutcome::CredentialsRefused { error },
        SmtpErrorCause::Lost(error) if failed.phase == SmtpPhase::Ended => SendOutcome::Unknown {
            error: truncate(&redacted(&error)),
        },
        SmtpErrorCause::Lost(error) => SendOutcome::Failed {
            error: truncate(&redacted(&error)),
        },
    }
}

/// The text of a reply as one line.
fn reply_text(reply: &Response) -> String {
    reply.message().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: [&str; 2] = ["anna@exämple.org", "anna@xn--exmple-cua.org"];

    #[test]
    fn a_lost_connection_is_unknown_only_after_the_end_of_the_message() {
        for phase in [
            SmtpPhase::Connecting,
            SmtpPhase::LoggingIn,
            SmtpPhase::Sender,
            SmtpPhase::Recipient,
            SmtpPhase::Ended,
        ] {
            let error = "network error".to_owned();
            let lost = SmtpErrorCause::Lost(error.clone()).at(phase);
            let may_be_stale = [SmtpPhase::Sender, SmtpPhase::Recipient].contains(&phase);
            assert_eq!(lost.may_be_stale(), may_be_stale);
            let expected = match phase {
                SmtpPhase::Ended => SendOutcome::Unknown { error },
                _ => SendOutcome::Failed { error },
            };
            assert_eq!(error_outcome(lost, &TO, true), expected);
        }
    }

    #[test]
    fn the_reference_is_the_reply() {
        let answer: Response = "250-2.0.0 Ok:\r\n250 queued as 4ABC\r\n"
            .parse()
            .expect("an answer");
        let reference = Some("2.0.0 Ok: queued as 4ABC".to_owned());
        assert_eq!(
            delivered_outcome(&answer, &TO),
            SendOutcome::Delivered { reference }
        );
        let silent: Response = "250 \r\n".parse().expect("an answer");
        let reference = None;
        assert_eq!(
            delivered_outcome(&silent, &TO),
            SendOutcome::Delivered { reference }
        );
    }

    #[test]
    fn the_recipient_is_redacted_in_every_text() {
        let answer: Response = "250 queued for Anna@xn--exmple-cua.org\r\n"
            .parse()
            .expect("an answer");
        let reference = Some("queued for ***".to_owned());
        assert_eq!(
            delivered_outcome(&answer, &TO),
            SendOutcome::Delivered { reference }
        );
        let refused = SmtpErrorCause::Refused {
            code: 550,
            text: "5.1.1 <anna@exämple.org>: unknown".to_owned(),
        };
        let error = "550 5.1.1 <***>: unknown".to_owned();
        let outcome = error_outcome(refused.at(SmtpPhase::Recipient), &TO, true);
        assert_eq!(outcome, SendOutcome::Rejected { error });
        let lost = SmtpErrorCause::unexpected(&answer).at(SmtpPhase::Recipient);
        let error = "unexpected answer: 250 queued for ***".to_owned();
        assert_eq!(
            error_outcome(lost, &TO, true),
            SendOutcome::Failed { error }
        );
    }
}
