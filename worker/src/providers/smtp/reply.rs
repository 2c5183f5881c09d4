use super::phase::SmtpPhase;
use crate::providers::redact::REDACTED;
use crate::providers::{SendOutcome, truncate};

/// The outcome of a negative reply. The recipient is already redacted in `text`. Reply codes are those of RFC
/// 5321 §4.2.3, RFC 4954 §6 (login) and RFC 7504; enhanced codes those of RFC 3463.
pub(super) fn reply_outcome(phase: SmtpPhase, code: u16, text: &str) -> SendOutcome {
    let error = truncate(&format!("{code} {text}"));
    match (phase, code) {
        (_, 421 | 450..460) if is_throttling(phase, code, text) => SendOutcome::Throttled {
            retry_after: None,
            error,
        },
        (SmtpPhase::LoggingIn, 500..)
        | (SmtpPhase::Sender | SmtpPhase::Recipient | SmtpPhase::Ended, 530 | 534 | 535 | 538) => {
            SendOutcome::CredentialsRefused { error }
        }
        (SmtpPhase::Recipient | SmtpPhase::Ended, 450..460) if concerns_recipient(text) => {
            SendOutcome::RefusedForNow { error }
        }
        // A server that refuses the connection, or does not know or expect a command, has not judged this
        // message.
        (SmtpPhase::Connecting, _) | (_, ..500 | 500 | 502 | 503) => SendOutcome::Failed { error },
        _ => SendOutcome::Rejected { error },
    }
}

/// Whether a 421 or 45x limits the rate of all messages, instead of refusing one message. A pause stops the
/// whole channel and uses up no attempt, so one recipient that is never accepted could stop the channel for
/// ever; a rate limit that is mistaken for a failure only uses up attempts. Therefore:
///
/// - Before `RCPT TO`, every 421 limits the rate. So do 4.7.x ("security or policy") and 4.3.2 ("system not
///   accepting network messages"), except 4.7.0 at login, which means that the login could not be verified now
///   (RFC 4954 §6).
/// - From `RCPT TO` on, only a text that mentions the rate and not the recipient does.
/// - 4.1.x and 4.2.x, which concern an address or a mailbox, never do, except for a 421 before `RCPT TO`. Neither
///   does greylisting, which concerns one sender and recipient.
///
/// "Try again later" does not mention the rate, because servers write it for any reason.
fn is_throttling(phase: SmtpPhase, code: u16, text: &str) -> bool {
    let has_recipient = matches!(phase, SmtpPhase::Recipient | SmtpPhase::Ended);
    if code == 421 && !has_recipient {
        return true;
    }
    let text = text.to_lowercase();
    let enhanced = enhanced_code(&text);
    let is_address_code = enhanced.starts_with("4.1.") || enhanced.starts_with("4.2.");
    if is_address_code || text.contains("greylist") || text.contains("graylist") {
        return false;
    }
    if has_recipient {
        return mentions_rate(&text) && !concerns_one_message(&text);
    }
    let by_code = match phase {
        SmtpPhase::LoggingIn => enhanced.starts_with("4.7.") && enhanced != "4.7.0",
        _ => enhanced.starts_with("4.7."),
    };
    by_code || enhanced == "4.3.2" || mentions_rate(&text)
}

/// Whether a 45x after `RCPT TO` concerns the recipient: the address (4.1.x except 4.1.7 and 4.1.8, which are
/// the sender's), the mailbox (4.2.x), greylisting, or any text that mentions the recipient. All other
/// replies concern the client, the sender or the server: a filter that is down, a name server that does not
/// answer.
fn concerns_recipient(text: &str) -> bool {
    let text = text.to_lowercase();
    let enhanced = enhanced_code(&text);
    let is_address_code = enhanced.starts_with("4.1.") && !["4.1.7", "4.1.8"].contains(&enhanced);
    is_address_code
        || enhanced.starts_with("4.2.")
        || text.contains("greylist")
        || text.contains("graylist")
        || text.contains(REDACTED)
        || terms(&text).any(|word| ["recipient", "mailbox", "user"].contains(&word))
}

fn mentions_rate(text: &str) -> bool {
    const RATE_TERMS: [&str; 7] = [
        "too many",
        "too much",
        "too fast",
        "too quickly",
        "throttl",
        "slow down",
        "limit",
    ];
    RATE_TERMS.iter().any(|hint| text.contains(hint)) || terms(text).any(|word| word == "rate")
}

/// Whether the text concerns the recipient or the size of the message. "Too many recipients" does not: each
/// message has one recipient, so the server counts messages. Neither does "our users".
pub(super) fn concerns_one_message(text: &str) -> bool {
    const MESSAGE_TERMS: [&str; 4] = ["recipient", "mailbox", "user", "size"];
    text.contains(REDACTED) || terms(text).any(|word| MESSAGE_TERMS.contains(&word))
}

/// Returns the first word of the text: the enhanced status code, such as `4.7.1` (RFC 3463), if the reply has one.
pub(super) fn enhanced_code(text: &str) -> &str {
    terms(text).next().unwrap_or_default()
}

pub(super) fn terms(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn outcome(phase: SmtpPhase, answer: &str) -> SendOutcome {
        let (code, text) = answer.split_once(' ').expect("a code and a text");
        reply_outcome(phase, code.parse().expect("a code"), text)
    }

    #[rstest]
    #[case(SmtpPhase::LoggingIn, "535 5.7.8 Authentication credentials invalid")]
    #[case(SmtpPhase::LoggingIn, "534 5.7.9 Please log in with your web browser")]
    #[case(SmtpPhase::LoggingIn, "538 5.7.11 Encryption required")]
    #[case(SmtpPhase::LoggingIn, "504 Unrecognized authentication type")]
    #[case(SmtpPhase::LoggingIn, "500 Authentication unsuccessful")]
    #[case(SmtpPhase::Sender, "530 5.7.0 Authentication required")]
    #[case(SmtpPhase::Recipient, "535 5.7.8 Not authorized")]
    fn refused_credentials(#[case] phase: SmtpPhase, #[case] answer: &str) {
        let error = answer.to_owned();
        assert_eq!(
            outcome(phase, answer),
            SendOutcome::CredentialsRefused { error }
        );
    }

    #[rstest]
    #[case(SmtpPhase::Connecting, "421 4.3.2 Too many open connections")]
    #[case(SmtpPhase::Connecting, "421 4.2.1 Unable to serve you now")]
    #[case(SmtpPhase::Connecting, "450 4.7.1 Client rate exceeded")]
    #[case(SmtpPhase::LoggingIn, "421 4.7.0 Try again later, closing connection")]
    #[case(SmtpPhase::LoggingIn, "454 4.7.0 Too many login attempts")]
    #[case(SmtpPhase::LoggingIn, "451 4.7.500 Server busy")]
    #[case(SmtpPhase::Sender, "421 Service not available")]
    #[case(SmtpPhase::Sender, "451 4.7.1 Please wait")]
    #[case(SmtpPhase::Sender, "452 4.3.2 System not accepting messages")]
    #[case(SmtpPhase::Sender, "450 4.7.1 Error: too much mail from 192.0.2.1")]
    #[case(
        SmtpPhase::Recipient,
        "450 4.7.1 Error: too many recipients from 192.0.2.1"
    )]
    #[case(
        SmtpPhase::Recipient,
        "421 4.7.28 An unusual rate of mail. To protect our users…"
    )]
    #[case(
        SmtpPhase::Recipient,
        "450 4.7.28 Our system has detected an unusual rate"
    )]
    #[case(SmtpPhase::Ended, "421 4.7.0 Too many messages for now")]
    #[case(
        SmtpPhase::Ended,
        "454 Throttling failure: Maximum sending rate exceeded."
    )]
    #[case(SmtpPhase::Ended, "450 Daily quota: rate limit reached")]
    fn throttling(#[case] phase: SmtpPhase, #[case] answer: &str) {
        let (retry_after, error) = (None, answer.to_owned());
        assert_eq!(
            outcome(phase, answer),
            SendOutcome::Throttled { retry_after, error }
        );
    }

    #[rstest]
    #[case(
        SmtpPhase::Recipient,
        "450 4.2.1 The user is receiving mail at a rate that…"
    )]
    #[case(SmtpPhase::Ended, "450 4.2.1 Too many messages in this inbox")]
    #[case(
        SmtpPhase::Recipient,
        "450 4.1.1 Too many tries with unknown addresses"
    )]
    #[case(SmtpPhase::Recipient, "452 4.2.2 The mailbox is over quota")]
    #[case(SmtpPhase::Recipient, "452 Mailbox size limit exceeded")]
    #[case(
        SmtpPhase::Recipient,
        "450 4.7.1 <***>: Recipient address rejected: Greylisted"
    )]
    #[case(
        SmtpPhase::Recipient,
        "450 4.7.1 <***>: Recipient address rejected: Rate limited"
    )]
    #[case(SmtpPhase::Recipient, "450 4.7.1 Too many messages to ***")]
    #[case(SmtpPhase::Recipient, "450 4.2.0 Greylisted, try again later")]
    #[case(
        SmtpPhase::Recipient,
        "451 4.7.1 Greylisting in action, too many new senders"
    )]
    fn refused_for_one_recipient(#[case] phase: SmtpPhase, #[case] answer: &str) {
        let error = answer.to_owned();
        assert_eq!(outcome(phase, answer), SendOutcome::RefusedForNow { error });
    }

    #[rstest]
    #[case(SmtpPhase::Connecting, "554 No SMTP service here")]
    #[case(SmtpPhase::Connecting, "454 TLS not available due to temporary reason")]
    #[case(SmtpPhase::LoggingIn, "454 4.7.0 Temporary authentication failure")]
    #[case(
        SmtpPhase::Recipient,
        "451 4.3.0 Temporary lookup failure, try again later"
    )]
    #[case(SmtpPhase::Ended, "451 4.3.0 Moderate error while operating")]
    #[case(SmtpPhase::Recipient, "421 4.2.1 Too many messages in this inbox")]
    #[case(
        SmtpPhase::Sender,
        "450 4.1.8 <a@example.com>: Sender address rejected"
    )]
    #[case(SmtpPhase::Ended, "452 4.3.4 Message size exceeds a limit")]
    #[case(SmtpPhase::Recipient, "452 4.3.2 System not accepting messages")]
    #[case(SmtpPhase::Recipient, "421 4.3.2 Shutting down")]
    #[case(SmtpPhase::Recipient, "451 4.7.1 Please wait")]
    #[case(SmtpPhase::Ended, "451 4.7.1 Service unavailable - try again later")]
    #[case(
        SmtpPhase::Recipient,
        "450 4.7.25 Client host rejected: cannot find your hostname"
    )]
    #[case(
        SmtpPhase::Recipient,
        "450 4.1.8 <a@example.com>: Sender address rejected: Domain not found"
    )]
    #[case(SmtpPhase::Ended, "452 Insufficient system storage")]
    #[case(SmtpPhase::Ended, "421 4.7.0 Try again later")]
    #[case(SmtpPhase::Sender, "503 5.5.1 Error: nested MAIL command")]
    #[case(SmtpPhase::Recipient, "502 Command not implemented")]
    fn temporary_failure(#[case] phase: SmtpPhase, #[case] answer: &str) {
        let error = answer.to_owned();
        assert_eq!(outcome(phase, answer), SendOutcome::Failed { error });
    }

    #[rstest]
    #[case(SmtpPhase::Recipient, "550 5.1.1 No such user here")]
    #[case(SmtpPhase::Recipient, "551 User not local")]
    #[case(SmtpPhase::Recipient, "553 5.1.3 Bad recipient address syntax")]
    #[case(SmtpPhase::Sender, "501 5.1.7 Bad sender address syntax")]
    #[case(SmtpPhase::Sender, "555 MAIL FROM parameters not recognized")]
    #[case(SmtpPhase::Recipient, "556 5.1.10 Recipient domain accepts no mail")]
    #[case(SmtpPhase::Ended, "552 5.3.4 Message too big")]
    #[case(
        SmtpPhase::Ended,
        "554 5.7.1 Looks like spam: the rate of links is too much"
    )]
    fn permanent_refusal(#[case] phase: SmtpPhase, #[case] answer: &str) {
        let error = answer.to_owned();
        assert_eq!(outcome(phase, answer), SendOutcome::Rejected { error });
    }
}
