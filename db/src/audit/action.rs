use std::fmt;
use std::str::FromStr;

/// Declares the actions and their names.
macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $action:ident = $name:literal,)+) => {
        /// What an entry records. The names are stable: old entries keep theirs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action {
            $($(#[doc = $doc])+ $action,)+
        }

        impl Action {
            /// All actions.
            pub const ALL: &'static [Self] = &[$(Self::$action),+];

            /// The name in JSON and in the table.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$action => $name,)+
                }
            }
        }
    };
}

actions! {
    /// A new version of a template.
    TemplatePut = "template.put",
    /// A template is deleted.
    TemplateDelete = "template.delete",
    /// A webhook endpoint is created.
    WebhookEndpointCreate = "webhook_endpoint.create",
    /// A webhook endpoint has another URL or description, or is enabled or disabled.
    WebhookEndpointUpdate = "webhook_endpoint.update",
    /// A webhook endpoint is deleted.
    WebhookEndpointDelete = "webhook_endpoint.delete",
    /// A webhook endpoint has a new signing secret.
    WebhookEndpointRotateSecret = "webhook_endpoint.rotate_secret",
    /// A user is created.
    UserCreate = "user.create",
    /// A user has other data.
    UserUpdate = "user.update",
    /// A user has another role.
    UserRole = "user.role",
    /// Somebody else has changed the settings of a user.
    UserSettings = "user.settings",
    /// Users of a file are created or changed together.
    UserImport = "user.import",
    /// The deletion of a user is requested.
    UserDelete = "user.delete",
    /// The deletion of a user is cancelled.
    UserDeleteCancel = "user.delete_cancel",
    /// An operator begins the erasure of a user before it is due, or beyond the limit a day.
    UserEraseNow = "user.erase_now",
    /// A user is erased.
    UserErase = "user.erase",
    /// Somebody else has marked notifications in the inbox of a user as read, unread or archived, or taken them out of the
    /// archive.
    InboxUpdate = "inbox.update",
    /// Somebody else has given a user a contact, or changed one.
    ContactPut = "contact.put",
    /// Somebody else has deleted a contact of a user.
    ContactDelete = "contact.delete",
    /// An API key is created.
    KeyCreate = "key.create",
    /// An API key has another name, other scopes, another limit or another expiry.
    KeyUpdate = "key.update",
    /// An API key has a new secret.
    KeyRotate = "key.rotate",
    /// An API key is revoked.
    KeyRevoke = "key.revoke",
    /// A category is created or has another definition.
    CategoryPut = "category.put",
    /// A category is deleted.
    CategoryDelete = "category.delete",
    /// Somebody has changed what a user wants to receive.
    PreferencesUpdate = "preferences.update",
    /// Channels are stopped.
    SendingStop = "sending.stop",
    /// Channels are started.
    SendingStart = "sending.start",
    /// A probe of a channel's provider is asked for.
    SendingProbe = "sending.probe",
    /// An operator has read the payload of a notification.
    NotificationPayload = "notification.payload",
    /// Notifications are exported to a file.
    NotificationExport = "notification.export",
    /// A notification is cancelled.
    NotificationCancel = "notification.cancel",
    /// Notifications of a group are cancelled.
    NotificationCancelGroup = "notification.cancel_group",
    /// A notification has another time.
    NotificationReschedule = "notification.reschedule",
    /// A recurring schedule is created.
    ScheduleCreate = "schedule.create",
    /// A recurring schedule is changed.
    ScheduleUpdate = "schedule.update",
    /// A recurring schedule is paused.
    SchedulePause = "schedule.pause",
    /// A recurring schedule is resumed.
    ScheduleResume = "schedule.resume",
    /// A recurring schedule is deleted.
    ScheduleDelete = "schedule.delete",
    /// Dead letters, or failed notifications without one, are replayed.
    DeadLetterReplay = "dead_letter.replay",
    /// Dead letters are deleted.
    DeadLetterPurge = "dead_letter.purge",
    /// A job that replays or purges dead letters is created.
    JobCreate = "job.create",
    /// A job is paused.
    JobPause = "job.pause",
    /// A job is continued.
    JobResume = "job.resume",
    /// A job is ended before its time.
    JobAbort = "job.abort",
    /// A job has another rate.
    JobRate = "job.rate",
    /// Secrets of webhook endpoints are encrypted under another key.
    SecretsRotate = "secrets.rotate",
    /// An operator erases and deletes what is older than the settings say.
    RetentionRun = "retention.run",
    /// A user has created an account.
    AuthRegister = "auth.register",
    /// A user has logged in.
    AuthLogin = "auth.login",
    /// Logins have failed: one entry a minute for each account and network.
    AuthLoginFailed = "auth.login_failed",
    /// A user has ended a session.
    AuthLogout = "auth.logout",
    /// A user has ended all sessions.
    AuthLogoutAll = "auth.logout_all",
    /// A session has ended, because a refresh token was used that had been replaced.
    AuthRefreshReuse = "auth.refresh_reuse",
    /// A password is set or changed.
    AuthPassword = "auth.password",
    /// A message with a link to set a new password is sent.
    AuthForgot = "auth.forgot",
    /// Another message with a link that cancels a deletion is sent.
    AuthRecover = "auth.recover",
    /// A user has verified a contact.
    ContactVerify = "contact.verify",
    /// A link that logs in to the dashboard is made.
    DashboardLink = "dashboard.link",
    /// An invitation to create an account is issued.
    InviteCreate = "invite.create",
    /// Demo data are created.
    DemoSeed = "demo.seed",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of an action, such as template.put")]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.iter().copied();
        all.find(|action| action.as_str() == text)
            .ok_or(UnknownAction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_has_a_name_of_its_own() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
        }
        assert_eq!("template".parse::<Action>(), Err(UnknownAction));
    }
}
