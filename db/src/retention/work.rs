//! What a sweep does, and with which rows.

use std::time::Duration;

use super::RetentionSettings;

/// Until this time after its acceptance, the end of a processed notification is not in `ended_at`. The triggers of the
/// migration `notification_ends` contain the same time.
pub(super) const EARLY_END: Duration = Duration::from_hours(1);

/// Sessions are kept for at least so long after the login, whether or not they have ended: a login from a device of these days
/// is not from a new one.
const SESSION_AGE: Duration = Duration::from_hours(90 * 24);

/// What belongs to accounts is kept for so long after it has expired. Longer than the limits of messages count (a day), and
/// than a session must be known after its end (20 minutes).
const EXPIRED_AGE: Duration = Duration::from_hours(24);

/// When a notification ended. Rows of older versions have no time of their end except `processed_at`.
const END: &str = "coalesce(greatest(ended_at, processed_at), replayed_at, created_at)";

const ENDED: &str = "status IN ('processed', 'cancelled', 'expired', 'suppressed', 'digested')";

/// The statuses that `ended_at` knows, and whether the rows are failed ones.
const STATUSES: [(&str, bool); 6] = [
    ("processed", false),
    ("failed", true),
    ("cancelled", false),
    ("expired", false),
    ("suppressed", false),
    ("digested", false),
];

/// What a sweep does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// Erases the payloads of sensitive notifications that failed or expired.
    SensitivePayloads,
    /// Erases payloads.
    Payloads,
    /// Deletes rows with their delivery attempts.
    Rows,
    /// Deletes cancellations.
    Cancellations,
    /// Deletes digests that are closed.
    Digests,
    /// Deletes sessions of users that have ended or expired.
    Sessions,
    /// Deletes codes that verify contacts.
    ContactCodes,
    /// Deletes tokens that set a new password.
    PasswordResets,
    /// Deletes invitations.
    Invites,
    /// Deletes sessions of the dashboard that have ended or expired.
    DashboardSessions,
    /// Deletes links to the dashboard.
    DashboardLinks,
}

impl Work {
    /// In the order of a sweep.
    pub const ALL: [Self; 11] = [
        Self::SensitivePayloads,
        Self::Payloads,
        Self::Rows,
        Self::Cancellations,
        Self::Digests,
        Self::Sessions,
        Self::ContactCodes,
        Self::PasswordResets,
        Self::Invites,
        Self::DashboardSessions,
        Self::DashboardLinks,
    ];

    /// The table.
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::SensitivePayloads | Self::Payloads | Self::Rows => "notifications",
            Self::Cancellations => "cancellations",
            Self::Digests => "digests",
            Self::Sessions => "sessions",
            Self::ContactCodes => "contact_codes",
            Self::PasswordResets => "password_resets",
            Self::Invites => "invites",
            Self::DashboardSessions => "dashboard_sessions",
            Self::DashboardLinks => "dashboard_links",
        }
    }

    /// The column that identifies a row.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::SensitivePayloads | Self::Payloads | Self::Rows | Self::Cancellations => {
                "message_id"
            }
            Self::Digests
            | Self::Sessions
            | Self::ContactCodes
            | Self::PasswordResets
            | Self::Invites
            | Self::DashboardSessions
            | Self::DashboardLinks => "id",
        }
    }

    /// How long what is kept, and how long if it belongs to a failed notification. `None` means for ever.
    fn ages(self, settings: &RetentionSettings) -> [Option<Duration>; 2] {
        match self {
            Self::SensitivePayloads => [None, Some(settings.sensitive)],
            Self::Payloads => [Some(settings.payloads), settings.dead_letters],
            Self::Rows => [settings.rows, settings.failed_rows()],
            Self::Cancellations | Self::Digests => [settings.rows, None],
            Self::Sessions | Self::DashboardSessions => [Some(SESSION_AGE), None],
            Self::ContactCodes | Self::PasswordResets | Self::Invites | Self::DashboardLinks => {
                [Some(EXPIRED_AGE), None]
            }
        }
    }

    /// The condition of a row that is due. Contains the ages as literals: the planner then knows how many rows are due.
    pub(super) fn due(self, settings: &RetentionSettings) -> String {
        let [ended, failed] = self.ages(settings);
        let all = || {
            format!(
                "({ENDED} AND {} OR status = 'failed' AND {})",
                before(END, ended),
                before(END, failed)
            )
        };
        match self {
            Self::SensitivePayloads => format!(
                "sensitive AND payload_removed_at IS NULL
                 AND (status = 'failed' AND {}
                      OR type = 'in-app' AND status = 'processed' AND expires_at <= now())",
                before(END, failed)
            ),
            Self::Payloads => format!("payload_removed_at IS NULL AND {}", all()),
            Self::Rows => all(),
            Self::Cancellations => before("cancelled_at", ended),
            Self::Digests => format!("closed_at IS NOT NULL AND {}", before("closed_at", ended)),
            Self::Sessions | Self::DashboardSessions => format!(
                "{} AND {}",
                before("created_at", ended),
                before("coalesce(ended_at, expires_at)", Some(EXPIRED_AGE))
            ),
            Self::ContactCodes | Self::PasswordResets | Self::Invites | Self::DashboardLinks => {
                before("expires_at", ended)
            }
        }
    }

    /// Conditions, each with the column of its index, that together find what [`Work::due`] says, except notifications that
    /// were processed within [`EARLY_END`] or that ended before there was a column for it.
    pub(super) fn indexed(self, settings: &RetentionSettings) -> Vec<(String, &'static str)> {
        let ages = self.ages(settings);
        let payload = match self {
            Self::Payloads => "payload_removed_at IS NULL AND ",
            _ => "",
        };
        match self {
            Self::SensitivePayloads => {
                const KEPT: &str = "sensitive AND payload_removed_at IS NULL";
                let failed = before("ended_at", ages[1]);
                vec![
                    (format!("{KEPT} AND status = 'failed' AND {failed}"), "ended_at"),
                    (
                        format!(
                            "{KEPT} AND type = 'in-app' AND expires_at IS NOT NULL AND expires_at <= now()
                             AND status = 'processed'"
                        ),
                        "expires_at",
                    ),
                ]
            }
            Self::Payloads | Self::Rows => STATUSES
                .into_iter()
                .map(|(status, is_failed)| {
                    let age = before("ended_at", ages[usize::from(is_failed)]);
                    let condition =
                        format!("{payload}status = '{status}' AND ended_at IS NOT NULL AND {age}");
                    (condition, "ended_at")
                })
                .collect(),
            Self::Cancellations => vec![(self.due(settings), "cancelled_at")],
            Self::Digests => vec![(self.due(settings), "closed_at")],
            Self::Sessions | Self::DashboardSessions => vec![(self.due(settings), "created_at")],
            Self::ContactCodes | Self::PasswordResets | Self::Invites | Self::DashboardLinks => {
                vec![(self.due(settings), "expires_at")]
            }
        }
    }

    /// Conditions on `created_at` of rows, for a walk in the order of acceptance: of those that may be due, and of those
    /// that a later walk need not look at again. `None` if a walk finds nothing. Unless it looks at `everything`, a walk
    /// leaves failed notifications to [`Work::indexed`].
    pub(super) fn walked(
        self,
        settings: &RetentionSettings,
        everything: bool,
    ) -> Option<[String; 2]> {
        if !matches!(self, Self::Payloads | Self::Rows) {
            return None;
        }
        let [ended, failed] = self.ages(settings);
        let failed = failed.filter(|_| everything);
        let youngest = [ended, failed].into_iter().flatten().min()?;
        let settled = ended.map(|age| age + EARLY_END);
        Some([
            before("created_at", Some(youngest)),
            before("created_at", settled),
        ])
    }
}

/// The condition that `time` is longer ago than `age`.
fn before(time: &str, age: Option<Duration>) -> String {
    age.map_or_else(
        || "false".to_owned(),
        |age| format!("{time} <= now() - make_interval(secs => {})", age.as_secs()),
    )
}
