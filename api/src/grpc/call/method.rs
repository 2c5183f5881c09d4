/// The largest message, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// The largest message of a method that strangers may call, in bytes.
const MAX_ANONYMOUS_BYTES: usize = 64 << 10;

/// What must be known of a method before its message is read.
#[derive(Debug, PartialEq, Eq)]
pub struct Method {
    /// The path, without the first slash: `package.Service/Method`.
    pub name: &'static str,
    /// Whether the caller must authenticate.
    pub needs_caller: bool,
    /// Whether the client or the server may send messages for as long as it likes.
    pub is_stream: bool,
}

/// Any method that does not exist. Each name is a time series, so a client must not invent them.
const UNKNOWN: Method = Method::new("unknown", false, false);

const METHODS: &[Method] = &[
    Method::new("tidings.v1.Notifications/Send", true, false),
    Method::new("tidings.v1.Notifications/SendBatch", true, false),
    Method::new("tidings.v1.Notifications/StreamSend", true, true),
    Method::new("user.UserService/Register", false, false),
    Method::new("user.UserService/Login", false, false),
    Method::new("user.UserService/RefreshToken", false, false),
    Method::new("user.UserService/Logout", false, false),
    Method::new("user.UserService/GetUser", true, false),
    Method::new("grpc.health.v1.Health/Check", false, false),
    Method::new("grpc.health.v1.Health/Watch", false, true),
    Method::new(
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        false,
        true,
    ),
    Method::new(
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        false,
        true,
    ),
];

impl Method {
    const fn new(name: &'static str, needs_caller: bool, is_stream: bool) -> Self {
        Self {
            name,
            needs_caller,
            is_stream,
        }
    }

    /// The method at a path.
    pub fn of(path: &str) -> &'static Self {
        let name = path.strip_prefix('/').unwrap_or_default();
        let known = METHODS.iter().find(|method| method.name == name);
        known.unwrap_or(&UNKNOWN)
    }

    /// Whether its calls send notifications.
    pub fn sends_notifications(&self) -> bool {
        self.name.starts_with("tidings.v1.Notifications/")
    }

    /// Whether a stranger may keep a call of this method open.
    pub const fn is_anonymous_stream(&self) -> bool {
        self.is_stream && !self.needs_caller
    }

    /// The largest message that the method takes, in bytes.
    pub const fn max_message_bytes(&self) -> usize {
        if self.needs_caller {
            MAX_MESSAGE_BYTES
        } else {
            MAX_ANONYMOUS_BYTES
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_path_that_does_not_exist_is_one_time_series() {
        assert_eq!(Method::of("/a/b"), &UNKNOWN);
        assert_eq!(Method::of("tidings.v1.Notifications/Send"), &UNKNOWN);
        assert!(Method::of("/tidings.v1.Notifications/Send").needs_caller);
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = METHODS.iter().map(|method| method.name).collect();
        assert_eq!(names.len(), METHODS.len());
    }
}
