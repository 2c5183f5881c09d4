use super::stage::Stage;
use crate::providers::words::WITHHELD;
use crate::providers::{Report, clipped};

/// What follows from a server's no, whose words do not name the recipient any more. Reply codes are those
/// of RFC 5321 §4.2.3, RFC 4954 §6 (login) and RFC 7504; enhanced codes those of RFC 3463.
pub(super) fn refused(stage: Stage, code: u16, words: &str) -> Report {
    let error = clipped(&format!("{code} {words}"));
    match (stage, code) {
        (_, 421 | 450..460) if asks_for_patience(stage, code, words) => Report::SlowDown {
            retry_after: None,
            error,
        },
        (Stage::LoggingIn, 500..)
        | (Stage::Sender | Stage::Recipient | Stage::Ended, 530 | 534 | 535 | 538) => {
            Report::CredentialsRefused { error }
        }
        (Stage::Recipient | Stage::Ended, 450..460) if is_about_the_recipient(words) => {
            Report::NotNow { error }
        }
        // A server that does not want us, or does not know or expect our commands, has said nothing
        // of this message.
        (Stage::Connecting, _) | (_, ..500 | 500 | 502 | 503) => Report::Failed { error },
        _ => Report::Rejected { error },
    }
}

/// Whether a 421 or 45x asks us to send less, rather than speaks of one message. A pause holds up the
/// whole channel and costs no attempt: one recipient that is never taken could hold it up for good, where
/// a failure that is really a matter of pace only costs attempts. So
///
/// - before the recipient is named, 421 asks it, whatever its words. So do 4.7.x ("security or policy")
///   and 4.3.2 ("system not accepting network messages"), but for 4.7.0 at login, which says that the
///   login could not be checked just now (RFC 4954 §6);
/// - from there on only words of pace ask it, and none that speak of the recipient;
/// - 4.1.x and 4.2.x, an address's and a mailbox's own trouble, never ask it but by 421 before there is a
///   recipient; nor does greylisting, which is about one sender and recipient.
///
/// "Try again later" alone is no word of pace: servers say so whatever the reason is.
fn asks_for_patience(stage: Stage, code: u16, words: &str) -> bool {
    let has_recipient = matches!(stage, Stage::Recipient | Stage::Ended);
    if code == 421 && !has_recipient {
        return true;
    }
    let words = words.to_lowercase();
    let enhanced = enhanced_code(&words);
    let is_of_an_address = enhanced.starts_with("4.1.") || enhanced.starts_with("4.2.");
    if is_of_an_address || words.contains("greylist") || words.contains("graylist") {
        return false;
    }
    if has_recipient {
        return is_of_pace(&words) && !is_of_one_message(&words);
    }
    let by_code = match stage {
        Stage::LoggingIn => enhanced.starts_with("4.7.") && enhanced != "4.7.0",
        _ => enhanced.starts_with("4.7."),
    };
    by_code || enhanced == "4.3.2" || is_of_pace(&words)
}

/// Whether a 45x that came once the recipient was named is about them: their address (4.1.x, but for 4.1.7
/// and 4.1.8, the sender's), their mailbox (4.2.x), greylisting, or whatever else speaks of them. All other
/// refusals that many servers give only then are about us, the sender or the server's own trouble: a filter
/// that is down, a name server that does not answer.
fn is_about_the_recipient(words: &str) -> bool {
    let words = words.to_lowercase();
    let enhanced = enhanced_code(&words);
    let is_of_an_address = enhanced.starts_with("4.1.") && !["4.1.7", "4.1.8"].contains(&enhanced);
    is_of_an_address
        || enhanced.starts_with("4.2.")
        || words.contains("greylist")
        || words.contains("graylist")
        || words.contains(WITHHELD)
        || single(&words).any(|word| ["recipient", "mailbox", "user"].contains(&word))
}

fn is_of_pace(words: &str) -> bool {
    const OF_PACE: [&str; 7] = [
        "too many",
        "too much",
        "too fast",
        "too quickly",
        "throttl",
        "slow down",
        "limit",
    ];
    OF_PACE.iter().any(|hint| words.contains(hint)) || single(words).any(|word| word == "rate")
}

/// Whether it is about the recipient, or the size of the message. "Too many recipients" is not: we name
/// one a message, so that a server that counts them counts messages. Nor is what a server does for "our
/// users".
fn is_of_one_message(words: &str) -> bool {
    const OF_ONE: [&str; 4] = ["recipient", "mailbox", "user", "size"];
    words.contains(WITHHELD) || single(words).any(|word| OF_ONE.contains(&word))
}

/// The code that leads the words, such as `4.7.1`, where there is one.
fn enhanced_code(words: &str) -> &str {
    single(words).next().unwrap_or_default()
}

fn single(words: &str) -> impl Iterator<Item = &str> {
    words.split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn report(stage: Stage, answer: &str) -> Report {
        let (code, words) = answer.split_once(' ').expect("a code and words");
        refused(stage, code.parse().expect("a code"), words)
    }

    #[rstest]
    #[case(Stage::LoggingIn, "535 5.7.8 Authentication credentials invalid")]
    #[case(Stage::LoggingIn, "534 5.7.9 Please log in with your web browser")]
    #[case(Stage::LoggingIn, "538 5.7.11 Encryption required")]
    #[case(Stage::LoggingIn, "504 Unrecognized authentication type")]
    #[case(Stage::LoggingIn, "500 Authentication unsuccessful")]
    #[case(Stage::Sender, "530 5.7.0 Authentication required")]
    #[case(Stage::Recipient, "535 5.7.8 Not authorized")]
    fn refused_credentials(#[case] stage: Stage, #[case] answer: &str) {
        let error = answer.to_owned();
        assert_eq!(report(stage, answer), Report::CredentialsRefused { error });
    }

    #[rstest]
    #[case(Stage::Connecting, "421 4.3.2 Too many open connections")]
    #[case(Stage::Connecting, "421 4.2.1 Unable to serve you now")]
    #[case(Stage::Connecting, "450 4.7.1 Client rate exceeded")]
    #[case(Stage::LoggingIn, "421 4.7.0 Try again later, closing connection")]
    #[case(Stage::LoggingIn, "454 4.7.0 Too many login attempts")]
    #[case(Stage::LoggingIn, "451 4.7.500 Server busy")]
    #[case(Stage::Sender, "421 Service not available")]
    #[case(Stage::Sender, "451 4.7.1 Please wait")]
    #[case(Stage::Sender, "452 4.3.2 System not accepting messages")]
    #[case(Stage::Sender, "450 4.7.1 Error: too much mail from 192.0.2.1")]
    #[case(
        Stage::Recipient,
        "450 4.7.1 Error: too many recipients from 192.0.2.1"
    )]
    #[case(
        Stage::Recipient,
        "421 4.7.28 An unusual rate of mail. To protect our users…"
    )]
    #[case(Stage::Recipient, "450 4.7.28 Our system has detected an unusual rate")]
    #[case(Stage::Ended, "421 4.7.0 Too many messages for now")]
    #[case(Stage::Ended, "454 Throttling failure: Maximum sending rate exceeded.")]
    #[case(Stage::Ended, "450 Daily quota: rate limit reached")]
    fn a_server_that_asks_for_patience(#[case] stage: Stage, #[case] answer: &str) {
        let (retry_after, error) = (None, answer.to_owned());
        assert_eq!(
            report(stage, answer),
            Report::SlowDown { retry_after, error }
        );
    }

    #[rstest]
    #[case(
        Stage::Recipient,
        "450 4.2.1 The user is receiving mail at a rate that…"
    )]
    #[case(Stage::Ended, "450 4.2.1 Too many messages in this inbox")]
    #[case(Stage::Recipient, "450 4.1.1 Too many tries with unknown addresses")]
    #[case(Stage::Recipient, "452 4.2.2 The mailbox is over quota")]
    #[case(Stage::Recipient, "452 Mailbox size limit exceeded")]
    #[case(
        Stage::Recipient,
        "450 4.7.1 <***>: Recipient address rejected: Greylisted"
    )]
    #[case(
        Stage::Recipient,
        "450 4.7.1 <***>: Recipient address rejected: Rate limited"
    )]
    #[case(Stage::Recipient, "450 4.7.1 Too many messages to ***")]
    #[case(Stage::Recipient, "450 4.2.0 Greylisted, try again later")]
    #[case(
        Stage::Recipient,
        "451 4.7.1 Greylisting in action, too many new senders"
    )]
    fn one_recipient_does_not_hold_up_the_others(#[case] stage: Stage, #[case] answer: &str) {
        let error = answer.to_owned();
        assert_eq!(report(stage, answer), Report::NotNow { error });
    }

    #[rstest]
    #[case(Stage::Connecting, "554 No SMTP service here")]
    #[case(Stage::Connecting, "454 TLS not available due to temporary reason")]
    #[case(Stage::LoggingIn, "454 4.7.0 Temporary authentication failure")]
    #[case(
        Stage::Recipient,
        "451 4.3.0 Temporary lookup failure, try again later"
    )]
    #[case(Stage::Ended, "451 4.3.0 Moderate trouble while operating")]
    #[case(Stage::Recipient, "421 4.2.1 Too many messages in this inbox")]
    #[case(Stage::Sender, "450 4.1.8 <a@example.com>: Sender address rejected")]
    #[case(Stage::Ended, "452 4.3.4 Message size exceeds a limit")]
    #[case(Stage::Recipient, "452 4.3.2 System not accepting messages")]
    #[case(Stage::Recipient, "421 4.3.2 Shutting down")]
    #[case(Stage::Recipient, "451 4.7.1 Please wait")]
    #[case(Stage::Ended, "451 4.7.1 Service unavailable - try again later")]
    #[case(
        Stage::Recipient,
        "450 4.7.25 Client host rejected: cannot find your hostname"
    )]
    #[case(
        Stage::Recipient,
        "450 4.1.8 <a@example.com>: Sender address rejected: Domain not found"
    )]
    #[case(Stage::Ended, "452 Insufficient system storage")]
    #[case(Stage::Ended, "421 4.7.0 Try again later")]
    #[case(Stage::Sender, "503 5.5.1 Error: nested MAIL command")]
    #[case(Stage::Recipient, "502 Command not implemented")]
    fn a_failure_that_may_pass(#[case] stage: Stage, #[case] answer: &str) {
        let error = answer.to_owned();
        assert_eq!(report(stage, answer), Report::Failed { error });
    }

    #[rstest]
    #[case(Stage::Recipient, "550 5.1.1 No such user here")]
    #[case(Stage::Recipient, "551 User not local")]
    #[case(Stage::Recipient, "553 5.1.3 Bad recipient address syntax")]
    #[case(Stage::Sender, "501 5.1.7 Bad sender address syntax")]
    #[case(Stage::Sender, "555 MAIL FROM parameters not recognized")]
    #[case(Stage::Recipient, "556 5.1.10 Recipient domain accepts no mail")]
    #[case(Stage::Ended, "552 5.3.4 Message too big")]
    #[case(
        Stage::Ended,
        "554 5.7.1 Looks like spam: the rate of links is too much"
    )]
    fn a_message_that_will_never_be_taken(#[case] stage: Stage, #[case] answer: &str) {
        let error = answer.to_owned();
        assert_eq!(report(stage, answer), Report::Rejected { error });
    }
}
