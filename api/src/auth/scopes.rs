use tidings_domain::notification::UserId;

/// The rights that a token grants. [`Caller`](super::Caller) adds the user that the token identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a right of its own")]
pub struct Access {
    send_own: bool,
    send_any: bool,
    read_own: bool,
    read_any: bool,
    contacts_own: bool,
    contacts_any: bool,
    write_templates: bool,
    control_sending: bool,
    write_schedules: bool,
    read_users: bool,
    write_users: bool,
    read_audit_log: bool,
}

/// The users whose notifications a caller may read, or whose contacts a caller may manage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowedUsers {
    /// All users.
    All,
    /// This user only.
    Only(UserId),
}

impl Access {
    /// All rights: for the operator's own services.
    #[must_use]
    pub const fn trusted() -> Self {
        Self {
            send_own: true,
            send_any: true,
            read_own: true,
            read_any: true,
            contacts_own: true,
            contacts_any: true,
            write_templates: true,
            control_sending: true,
            write_schedules: true,
            read_users: true,
            write_users: true,
            read_audit_log: true,
        }
    }

    /// No rights.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            send_own: false,
            send_any: false,
            read_own: false,
            read_any: false,
            contacts_own: false,
            contacts_any: false,
            write_templates: false,
            control_sending: false,
            write_schedules: false,
            read_users: false,
            write_users: false,
            read_audit_log: false,
        }
    }

    /// The rights in a `scope` claim: names separated by spaces (RFC 8693 §4.2). Unknown names are
    /// ignored.
    #[must_use]
    pub fn of_scopes(scopes: &str) -> Self {
        let mut access = Self::none();
        for scope in scopes.split(' ') {
            match scope {
                "notifications:send" => access.send_own = true,
                "notifications:send:any" => access.send_any = true,
                "notifications:read" => access.read_own = true,
                "contacts:write" => access.contacts_own = true,
                "templates:write" => access.write_templates = true,
                "sending:control" => access.control_sending = true,
                "schedules:write" => access.write_schedules = true,
                "users:read" => access.read_users = true,
                "users:write" => access.write_users = true,
                "audit:read" => access.read_audit_log = true,
                "admin" => return Self::trusted(),
                _ => {}
            }
        }
        access
    }

    /// Whether `caller` may send to `target`.
    #[must_use]
    pub fn may_send(self, caller: Option<UserId>, target: UserId) -> bool {
        self.send_any || (self.send_own && caller == Some(target))
    }

    /// Whether the caller may send to all users, and so to any address.
    #[must_use]
    pub const fn may_send_to_anyone(self) -> bool {
        self.send_any
    }

    /// Whether the caller may do everything.
    #[must_use]
    pub fn is_trusted(self) -> bool {
        self == Self::trusted()
    }

    /// Whether the caller may send to its own user.
    #[must_use]
    pub const fn may_send_to_self(self) -> bool {
        self.send_own
    }

    /// Whether the caller may read and write templates.
    #[must_use]
    pub const fn may_write_templates(self) -> bool {
        self.write_templates
    }

    /// Whether the caller may stop and start sending.
    #[must_use]
    pub const fn may_control_sending(self) -> bool {
        self.control_sending
    }

    /// Whether the caller may read and change recurring schedules. It also needs the right to send to their user.
    #[must_use]
    pub const fn may_write_schedules(self) -> bool {
        self.write_schedules
    }

    /// Whether the caller may read all users.
    #[must_use]
    pub const fn may_read_users(self) -> bool {
        self.read_users
    }

    /// Whether the caller may create and change all users.
    #[must_use]
    pub const fn may_write_users(self) -> bool {
        self.write_users
    }

    /// Whether the caller may read the audit log.
    #[must_use]
    pub const fn may_read_audit_log(self) -> bool {
        self.read_audit_log
    }

    /// The users whose notifications `caller` may read.
    #[must_use]
    pub fn may_read(self, caller: Option<UserId>) -> Option<AllowedUsers> {
        if self.read_any {
            return Some(AllowedUsers::All);
        }
        caller.filter(|_| self.read_own).map(AllowedUsers::Only)
    }

    /// The users whose contacts and webhook endpoints `caller` may manage.
    #[must_use]
    pub fn may_manage_contacts(self, caller: Option<UserId>) -> Option<AllowedUsers> {
        if self.contacts_any {
            return Some(AllowedUsers::All);
        }
        caller.filter(|_| self.contacts_own).map(AllowedUsers::Only)
    }
}

impl AllowedUsers {
    /// The user to which queries are limited; `None` is no limit.
    #[must_use]
    pub const fn owner(self) -> Option<UserId> {
        match self {
            Self::All => None,
            Self::Only(user) => Some(user),
        }
    }

    /// Whether `user` is one of these users.
    #[must_use]
    pub fn includes(self, user: UserId) -> bool {
        self == Self::All || self == Self::Only(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u128) -> UserId {
        uuid::Uuid::from_u128(n).into()
    }

    #[test]
    fn a_caller_sends_to_themselves_with_send_and_to_all_with_send_any() {
        let may =
            |scopes: &str, target| Access::of_scopes(scopes).may_send(Some(user(1)), user(target));
        assert_eq!(
            [may("notifications:send", 1), may("notifications:send", 2)],
            [true, false]
        );
        assert_eq!(
            [
                may("notifications:send:any", 1),
                may("notifications:send:any", 2)
            ],
            [true, true]
        );
        assert_eq!(
            [may("notifications:read", 1), may("", 1), may("admin", 2)],
            [false, false, true]
        );
    }

    #[test]
    fn only_a_caller_that_may_send_to_all_may_choose_addresses() {
        let may = |scopes: &str| Access::of_scopes(scopes).may_send_to_anyone();
        assert!(may("notifications:send:any") && may("admin"));
        assert!(!may("notifications:send notifications:read"));
    }

    #[test]
    fn a_caller_without_a_user_id_sends_to_nobody_with_send() {
        assert!(!Access::of_scopes("notifications:send").may_send(None, user(1)));
    }

    #[test]
    fn templates_need_their_scope_or_admin() {
        let may = |scopes: &str| Access::of_scopes(scopes).may_write_templates();
        assert!(may("templates:write") && may("admin") && Access::trusted().may_write_templates());
        assert!(!may("notifications:send:any notifications:read templates") && !may(""));
    }

    #[test]
    fn stopping_and_starting_needs_its_scope_or_admin() {
        let may = |scopes: &str| Access::of_scopes(scopes).may_control_sending();
        assert!(may("sending:control") && may("admin") && Access::trusted().may_control_sending());
        assert!(!may("notifications:send:any templates:write sending") && !may(""));
        assert!(!Access::of_scopes("sending:control").is_trusted());
    }

    #[test]
    fn schedules_need_their_scope_or_admin() {
        let may = |scopes: &str| Access::of_scopes(scopes).may_write_schedules();
        assert!(may("schedules:write") && may("admin") && Access::trusted().may_write_schedules());
        assert!(!may("notifications:send:any templates:write schedules") && !may(""));
    }

    #[test]
    fn users_need_their_scope_or_admin_and_neither_implies_the_other() {
        let may = |scopes: &str| {
            let access = Access::of_scopes(scopes);
            (access.may_read_users(), access.may_write_users())
        };
        assert_eq!(may("users:read"), (true, false));
        assert_eq!(may("users:write"), (false, true));
        assert_eq!(may("admin"), (true, true));
        assert_eq!(
            may("notifications:read contacts:write users notifications:send:any"),
            (false, false)
        );
        // Nothing else comes with it.
        let only_users = Access {
            read_users: true,
            write_users: true,
            ..Access::none()
        };
        assert_eq!(Access::of_scopes("users:read users:write"), only_users);
    }

    #[test]
    fn the_audit_log_needs_its_scope_or_admin() {
        let may = |scopes: &str| Access::of_scopes(scopes).may_read_audit_log();
        assert!(may("audit:read") && may("admin") && Access::trusted().may_read_audit_log());
        assert!(!may("notifications:read templates:write sending:control audit") && !may(""));
    }

    #[test]
    fn reading_is_limited_to_the_caller() {
        let readable = |scopes: &str| Access::of_scopes(scopes).may_read(Some(user(1)));
        assert_eq!(
            readable("notifications:read"),
            Some(AllowedUsers::Only(user(1)))
        );
        assert_eq!(readable("notifications:send:any"), None);
        assert_eq!(readable("openid admin"), Some(AllowedUsers::All));
        assert!(!AllowedUsers::Only(user(1)).includes(user(2)));
    }

    #[test]
    fn managing_contacts_is_limited_to_the_caller() {
        let managed = |scopes: &str| Access::of_scopes(scopes).may_manage_contacts(Some(user(1)));
        assert_eq!(managed("contacts:write"), Some(AllowedUsers::Only(user(1))));
        assert_eq!(managed("admin"), Some(AllowedUsers::All));
        assert_eq!(managed("notifications:send:any notifications:read"), None);
        let service = Access::trusted().may_manage_contacts(None);
        assert_eq!(service, Some(AllowedUsers::All));
        let nobody = Access::of_scopes("contacts:write").may_manage_contacts(None);
        assert_eq!(nobody, None);
    }
}
