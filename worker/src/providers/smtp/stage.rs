/// How far a message had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connecting, up to the encrypted connection.
    Connecting,
    /// Logging in.
    LoggingIn,
    /// Naming the sender.
    Sender,
    /// Naming the recipient, and sending the content but for the line that ends it. A server takes no
    /// message before that line (RFC 5321 §4.1.1.4), so it cannot have this one.
    Recipient,
    /// The line that ends the message may have been sent.
    Ended,
}
