/// Why a body cannot be decoded. Permanent: another attempt fails in the same way.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The body is not JSON, or a field is missing or has another type.
    ///
    /// The message contains the position, but not the text, because log lines must not quote payloads.
    #[error("the body is not a notification: {} at line {}, column {}", category(.0), .0.line(), .0.column())]
    Malformed(serde_json::Error),
    /// The body has a wire version that this program does not know.
    #[error("the body has wire version {0}, which this version of the program does not know")]
    UnknownVersion(u32),
    /// `type` is not a channel.
    #[error("the body's type {0:?} is not a channel")]
    UnknownChannel(String),
    /// `targetUserId` is absent, and the version or the channel needs it.
    #[error("the body has no targetUserId")]
    UserMissing,
    /// `payload` is not a JSON object.
    #[error("the body's payload is not a JSON object")]
    PayloadNotAnObject,
}

fn category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Data => "a field is missing or of another type",
        _ => "not JSON",
    }
}

impl DecodeError {
    /// The stable code for the header `x-failure-reason` of the dead letter.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownVersion(_) => "unknown_version",
            _ => "undecodable",
        }
    }
}
