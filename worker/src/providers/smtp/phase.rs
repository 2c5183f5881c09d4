/// The phase of an SMTP transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SmtpPhase {
    /// Connecting, until the connection is encrypted.
    Connecting,
    /// Logging in.
    LoggingIn,
    /// `MAIL FROM`.
    Sender,
    /// `RCPT TO`, and `DATA` without the line that ends the message. A server accepts no message before that
    /// line (RFC 5321 §4.1.1.4), so it cannot have accepted this one.
    Recipient,
    /// The line that ends the message may have been sent.
    Ended,
}
