use std::error::Error as _;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::Response;

use crate::providers::{Report, clipped};

/// How far a message had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connecting, up to the encrypted connection.
    Connecting,
    /// Logging in.
    LoggingIn,
    /// Naming sender and recipient, and sending the content but for the line that ends it. A server
    /// takes no message before that line (RFC 5321 §4.1.1.4), so it cannot have this one.
    Envelope,
    /// The line that ends the message may have been sent.
    Ended,
}

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
        matches!(self.stage, Stage::Envelope)
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
/// because each has its own way to name its queue's ids.
pub(super) fn delivered(answer: &Response) -> Report {
    let words = clipped(&words(answer));
    Report::Delivered {
        reference: (!words.is_empty()).then_some(words),
    }
}

/// What follows from the message's not having been taken.
pub(super) fn not_taken(trouble: Trouble) -> Report {
    match trouble.cause {
        Cause::Refused { code, words } => refused(trouble.stage, code, &words),
        Cause::NoLogin(error) => Report::CredentialsRefused { error },
        Cause::Lost(error) if trouble.stage == Stage::Ended => Report::Unknown {
            error: clipped(&error),
        },
        Cause::Lost(error) => Report::Failed {
            error: clipped(&error),
        },
    }
}

/// Reply codes are those of RFC 5321 §4.2.3, RFC 4954 §6 (login) and RFC 7504; enhanced codes those of
/// RFC 3463.
fn refused(stage: Stage, code: u16, words: &str) -> Report {
    let error = clipped(&format!("{code} {words}"));
    let asks_for_patience = code == 421 || (code / 10 == 45 && asks_for_patience(stage, words));
    match (stage, code) {
        (_, 400..500) if asks_for_patience => Report::SlowDown {
            retry_after: None,
            error,
        },
        (Stage::LoggingIn, 500..) | (Stage::Envelope | Stage::Ended, 530 | 534 | 535 | 538) => {
            Report::CredentialsRefused { error }
        }
        // A server that does not want us, or does not know or expect our commands, has said nothing
        // of this message.
        (Stage::Connecting, _) | (_, ..500 | 500 | 502 | 503) => Report::Failed { error },
        _ => Report::Rejected { error },
    }
}

/// Whether a 45x speaks of the pace at which we send. "Try again later" alone does not: servers say so
/// whatever the reason is, and a pause holds up the whole channel and costs no attempt, so that one
/// message could hold it up for good. Nor does greylisting, which is about one recipient.
fn asks_for_patience(stage: Stage, words: &str) -> bool {
    const OF_PACE: [&str; 7] = [
        "too many",
        "too much",
        "too fast",
        "too quickly",
        "throttl",
        "slow down",
        "limit",
    ];
    let words = words.to_lowercase();
    if words.contains("greylist") || words.contains("graylist") {
        return false;
    }
    let mut each = words.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    let enhanced = each.clone().next().unwrap_or_default();
    // "Security or policy" and "system not accepting network messages". 4.7.0 answers a login that
    // could not be checked just now (RFC 4954 §6).
    let by_code =
        stage != Stage::LoggingIn && (enhanced.starts_with("4.7.") || enhanced == "4.3.2");
    by_code || OF_PACE.iter().any(|hint| words.contains(hint)) || each.any(|word| word == "rate")
}

/// What the server said behind the code, as one line.
fn words(answer: &Response) -> String {
    answer.message().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn report(stage: Stage, answer: &str) -> Report {
        let (code, words) = answer.split_once(' ').expect("a code and words");
        not_taken(Trouble {
            stage,
            cause: Cause::Refused {
                code: code.parse().expect("a code"),
                words: words.to_owned(),
            },
        })
    }

    #[rstest]
    #[case(Stage::LoggingIn, "535 5.7.8 Authentication credentials invalid")]
    #[case(Stage::LoggingIn, "534 5.7.9 Please log in with your web browser")]
    #[case(Stage::LoggingIn, "538 5.7.11 Encryption required")]
    #[case(Stage::LoggingIn, "504 Unrecognized authentication type")]
    #[case(Stage::LoggingIn, "500 Authentication unsuccessful")]
    #[case(Stage::Envelope, "530 5.7.0 Authentication required")]
    #[case(Stage::Envelope, "535 5.7.8 Not authorized")]
    fn refused_credentials(#[case] stage: Stage, #[case] answer: &str) {
        let error = answer.to_owned();
        assert_eq!(report(stage, answer), Report::CredentialsRefused { error });
    }

    #[rstest]
    #[case(Stage::Connecting, "421 4.3.2 Too many open connections")]
    #[case(Stage::Connecting, "450 4.7.1 Client rate exceeded")]
    #[case(Stage::LoggingIn, "454 4.7.0 Too many login attempts")]
    #[case(Stage::Envelope, "421 Service not available")]
    #[case(Stage::Ended, "421 4.7.0 Try again later")]
    #[case(Stage::Envelope, "451 4.7.1 Please wait")]
    #[case(Stage::Envelope, "450 4.7.28 Our system has detected an unusual rate")]
    #[case(Stage::Envelope, "450 4.2.1 The user is receiving mail too quickly")]
    #[case(Stage::Ended, "454 Throttling failure: Maximum sending rate exceeded.")]
    #[case(Stage::Ended, "452 4.3.2 System not accepting messages")]
    #[case(Stage::Ended, "450 Daily quota: rate limit reached")]
    fn a_server_that_asks_for_patience(#[case] stage: Stage, #[case] answer: &str) {
        let (retry_after, error) = (None, answer.to_owned());
        assert_eq!(
            report(stage, answer),
            Report::SlowDown { retry_after, error }
        );
    }

    #[rstest]
    #[case(Stage::Connecting, "554 No SMTP service here")]
    #[case(Stage::Connecting, "454 TLS not available due to temporary reason")]
    #[case(Stage::LoggingIn, "454 4.7.0 Temporary authentication failure")]
    #[case(Stage::Envelope, "450 4.2.0 Greylisted, try again later")]
    #[case(
        Stage::Envelope,
        "451 4.7.1 Greylisting in action, please come back later"
    )]
    #[case(Stage::Envelope, "451 4.3.0 Temporary lookup failure, try again later")]
    #[case(Stage::Envelope, "452 4.2.2 Mailbox full")]
    #[case(Stage::Ended, "451 4.3.0 Moderate trouble while operating")]
    #[case(Stage::Envelope, "503 5.5.1 Error: nested MAIL command")]
    #[case(Stage::Envelope, "502 Command not implemented")]
    fn a_failure_that_may_pass(#[case] stage: Stage, #[case] answer: &str) {
        let error = answer.to_owned();
        assert_eq!(report(stage, answer), Report::Failed { error });
    }

    #[rstest]
    #[case(Stage::Envelope, "550 5.1.1 No such user here")]
    #[case(Stage::Envelope, "551 User not local")]
    #[case(Stage::Envelope, "553 5.1.3 Bad recipient address syntax")]
    #[case(Stage::Envelope, "501 5.1.7 Bad sender address syntax")]
    #[case(Stage::Envelope, "555 MAIL FROM parameters not recognized")]
    #[case(Stage::Envelope, "556 5.1.10 Recipient domain accepts no mail")]
    #[case(Stage::Ended, "552 5.3.4 Message too big")]
    #[case(
        Stage::Ended,
        "554 5.7.1 Looks like spam: the rate of links is too much"
    )]
    fn a_message_that_will_never_be_taken(#[case] stage: Stage, #[case] answer: &str) {
        let error = answer.to_owned();
        assert_eq!(report(stage, answer), Report::Rejected { error });
    }

    #[test]
    fn a_lost_connection_leaves_in_doubt_only_what_had_ended() {
        for stage in [
            Stage::Connecting,
            Stage::LoggingIn,
            Stage::Envelope,
            Stage::Ended,
        ] {
            let error = "network error".to_owned();
            let lost = Trouble {
                stage,
                cause: Cause::Lost(error.clone()),
            };
            assert_eq!(lost.may_be_stale(), stage == Stage::Envelope);
            let expected = match stage {
                Stage::Ended => Report::Unknown { error },
                _ => Report::Failed { error },
            };
            assert_eq!(not_taken(lost), expected);
        }
    }

    #[test]
    fn the_reference_is_what_the_server_said() {
        let answer: Response = "250-2.0.0 Ok:\r\n250 queued as 4ABC\r\n"
            .parse()
            .expect("an answer");
        let reference = Some("2.0.0 Ok: queued as 4ABC".to_owned());
        assert_eq!(delivered(&answer), Report::Delivered { reference });
        let silent: Response = "250 \r\n".parse().expect("an answer");
        assert_eq!(delivered(&silent), Report::Delivered { reference: None });
    }
}
