//! Who runs the tool, for the audit log.

use tidings_db::audit::{ActorKind, AuditOrigin};

/// The user of the operating system who runs this command.
pub fn operator() -> AuditOrigin {
    AuditOrigin::new(ActorKind::Cli, &name())
}

/// The name of this user.
pub fn name() -> String {
    // A container may run as a number without a name.
    whoami::username().unwrap_or_else(|_| {
        let id = rustix::process::geteuid().as_raw();
        format!("uid {id}")
    })
}
