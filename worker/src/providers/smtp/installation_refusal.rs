use super::phase::SmtpPhase;
use super::reply::{concerns_one_message, enhanced_code, terms};

/// Returns what the server refuses if a permanent refusal concerns this installation: its name, its address or its
/// sender. Every other message would be refused too, and none of them has a fault of its own.
///
/// Servers check the client and the sender by default only at `RCPT TO` (Postfix: `smtpd_delay_reject`), so the
/// command does not tell; the text does. A text that mentions the recipient concerns the message. `own_sender` tells
/// whether the sender is `SMTP_FROM`, and not one that the payload names.
pub(super) fn refused_part(
    phase: SmtpPhase,
    code: u16,
    text: &str,
    own_sender: bool,
) -> Option<String> {
    let text = text.to_lowercase();
    let enhanced = enhanced_code(&text);
    let has_transaction = matches!(
        phase,
        SmtpPhase::Sender | SmtpPhase::Recipient | SmtpPhase::Ended
    );
    // 500, 502, 503: the server does not know or expect the command. 552, 555, 5.3.4 and 5.6.x: the size and the
    // form of the message.
    let is_about_other = matches!(code, ..500 | 500 | 502 | 503 | 552 | 555)
        || enhanced == "5.3.4"
        || enhanced.starts_with("5.6.");
    if !has_transaction || is_about_other || concerns_one_message(&text) {
        return None;
    }
    let part = if names_helo(&text) {
        "the name of this host (SMTP_HELO_NAME)"
    } else if names_client(phase, enhanced, &text) {
        "the address of this host"
    } else if own_sender && (phase == SmtpPhase::Sender || names_sender(enhanced, &text)) {
        "the sender (SMTP_FROM)"
    } else {
        return None;
    };
    let codes = if enhanced.starts_with("5.") {
        format!("{code} {enhanced}")
    } else {
        code.to_string()
    };
    Some(format!("the mail server refuses {part}: {codes}"))
}

fn names_helo(text: &str) -> bool {
    terms(text).any(|term| matches!(term, "helo" | "ehlo"))
}

/// Whether the text concerns the host that sends. After the content, a refusal may concern addresses in it, so that
/// only unambiguous words count.
fn names_client(phase: SmtpPhase, enhanced: &str, text: &str) -> bool {
    const PHRASES: [&str; 8] = [
        "client host",
        "client address",
        "your host",
        "your ip",
        "sending ip",
        "reverse dns",
        "reverse lookup",
        "blocked using",
    ];
    const TERMS: [&str; 8] = [
        "ip",
        "client",
        "hostname",
        "rdns",
        "ptr",
        "dnsbl",
        "rbl",
        "blacklisted",
    ];
    enhanced == "5.7.25"
        || PHRASES.iter().any(|phrase| text.contains(phrase))
        || phase != SmtpPhase::Ended && terms(text).any(|term| TERMS.contains(&term))
}

/// Whether the text concerns the sender: its address (5.1.7, 5.1.8), SPF, DKIM or DMARC of its domain (5.7.20 to
/// 5.7.27, RFC 7372), or the right of the login to use it (5.7.60).
fn names_sender(enhanced: &str, text: &str) -> bool {
    const CODES: [&str; 10] = [
        "5.1.7", "5.1.8", "5.7.20", "5.7.21", "5.7.22", "5.7.23", "5.7.24", "5.7.26", "5.7.27",
        "5.7.60",
    ];
    const PHRASES: [&str; 6] = [
        "sender address",
        "sender verif",
        "sender rejected",
        "sender denied",
        "this sender",
        "envelope sender",
    ];
    CODES.contains(&enhanced) || PHRASES.iter().any(|phrase| text.contains(phrase))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn part(phase: SmtpPhase, answer: &str, own_sender: bool) -> Option<String> {
        let (code, text) = answer.split_once(' ').expect("a code and a text");
        refused_part(phase, code.parse().expect("a code"), text, own_sender)
    }

    #[rstest]
    #[case(
        SmtpPhase::Recipient,
        "504 5.5.2 <vm>: Helo command rejected: need fully-qualified hostname",
        "the mail server refuses the name of this host (SMTP_HELO_NAME): 504 5.5.2"
    )]
    #[case(
        SmtpPhase::Sender,
        "550 Access denied - Invalid HELO name",
        "the mail server refuses the name of this host (SMTP_HELO_NAME): 550"
    )]
    #[case(
        SmtpPhase::Recipient,
        "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied",
        "the mail server refuses the address of this host: 554 5.7.1"
    )]
    #[case(
        SmtpPhase::Recipient,
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.example.org",
        "the mail server refuses the address of this host: 554 5.7.1"
    )]
    #[case(
        SmtpPhase::Ended,
        "550 5.7.25 The address of this message has no PTR record",
        "the mail server refuses the address of this host: 550 5.7.25"
    )]
    #[case(
        SmtpPhase::Recipient,
        "553 5.1.8 <tidings@example.com>: Sender address rejected: Domain not found",
        "the mail server refuses the sender (SMTP_FROM): 553 5.1.8"
    )]
    #[case(
        SmtpPhase::Ended,
        "550 5.7.26 Unauthenticated email is not accepted due to the domain's DMARC policy",
        "the mail server refuses the sender (SMTP_FROM): 550 5.7.26"
    )]
    #[case(
        SmtpPhase::Sender,
        "501 5.1.7 Bad sender address syntax",
        "the mail server refuses the sender (SMTP_FROM): 501 5.1.7"
    )]
    fn of_this_installation(#[case] phase: SmtpPhase, #[case] answer: &str, #[case] reason: &str) {
        assert_eq!(part(phase, answer, true).as_deref(), Some(reason));
    }

    #[rstest]
    #[case(SmtpPhase::Recipient, "550 5.1.1 No such user here")]
    #[case(
        SmtpPhase::Recipient,
        "550 5.7.1 <***>: Recipient address rejected: client"
    )]
    #[case(SmtpPhase::Recipient, "554 5.7.1 <***>: Relay access denied")]
    #[case(SmtpPhase::Recipient, "551 User not local")]
    #[case(SmtpPhase::Recipient, "556 5.1.10 Recipient domain accepts no mail")]
    #[case(SmtpPhase::Sender, "552 5.3.4 Message size exceeds fixed limit")]
    #[case(SmtpPhase::Sender, "553 5.6.7 the server accepts only ASCII addresses")]
    #[case(SmtpPhase::Sender, "555 MAIL FROM parameters not recognized")]
    #[case(SmtpPhase::Ended, "554 5.7.1 Looks like spam")]
    #[case(SmtpPhase::Ended, "554 5.7.1 The message has a blacklisted link")]
    #[case(
        SmtpPhase::Recipient,
        "450 4.7.25 Client host rejected: cannot find your hostname"
    )]
    #[case(SmtpPhase::Recipient, "503 5.5.1 Error: send HELO first")]
    #[case(
        SmtpPhase::LoggingIn,
        "535 5.7.8 Authentication credentials invalid for client"
    )]
    fn of_something_else(#[case] phase: SmtpPhase, #[case] answer: &str) {
        assert_eq!(part(phase, answer, true), None);
    }

    #[test]
    fn a_sender_that_the_payload_names_concerns_its_message() {
        for (phase, answer) in [
            (SmtpPhase::Sender, "501 5.1.7 Bad sender address syntax"),
            (
                SmtpPhase::Recipient,
                "553 5.1.8 Sender address rejected: Domain not found",
            ),
        ] {
            assert_eq!(part(phase, answer, false), None);
        }
    }
}
