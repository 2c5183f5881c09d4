use tidings_domain::category::{CategoryKind, CategoryName, QuietRule, obeys_quiet_hours};

/// The category of a claimed notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedCategory {
    /// The name.
    pub name: CategoryName,
    /// The kind. A category that does not exist any more is transactional.
    pub kind: CategoryKind,
    /// What quiet hours mean for it.
    pub quiet: QuietRule,
    /// Whether the category limits how many notifications a user gets.
    pub is_throttled: bool,
    /// Whether its e-mails have a link to unsubscribe, if it is transactional.
    pub unsubscribe: bool,
}

impl ClaimedCategory {
    /// Whether quiet hours hold its notifications.
    pub(super) const fn obeys_quiet_hours(&self) -> bool {
        obeys_quiet_hours(Some((self.kind, self.quiet)))
    }

    /// The category with this name, whose definition is `found`, if it exists: its kind, what quiet hours mean for it,
    /// whether it has a limit, and whether its e-mails have a link to unsubscribe.
    pub(super) fn read(name: Option<&str>, found: Option<Vec<&str>>) -> Option<Self> {
        let found = found.unwrap_or_default();
        let column = |index| found.get(index).copied().unwrap_or_default();
        Some(Self {
            // Only valid names are recorded.
            name: name?.parse().ok()?,
            kind: column(0).parse().unwrap_or_default(),
            quiet: column(1).parse().unwrap_or_default(),
            is_throttled: column(2) == "true",
            unsubscribe: column(3) == "true",
        })
    }
}
