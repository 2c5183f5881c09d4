use tidings_db::audit::{ActorKind, AuditOrigin};

/// The origin of actions that a test performs by functions of `tidings_db`.
#[must_use]
pub fn origin() -> AuditOrigin {
    AuditOrigin::new(ActorKind::System, "tests")
}
