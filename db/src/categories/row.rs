use std::collections::BTreeMap;

use jiff::Timestamp;
use tidings_domain::category::{CategoryKind, CategoryName, QuietRule, Throttle};
use tidings_domain::digest::{DigestMode, DigestRule};
use tidings_domain::notification::Channel;
use tokio_postgres::Row;

/// A category to create, or its new definition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewCategory {
    /// What it is about.
    pub kind: CategoryKind,
    /// What users read instead of the name.
    pub label: Option<String>,
    /// What it contains, for users.
    pub description: Option<String>,
    /// Whether a user who has chosen nothing gets its notifications, by channel. Absent stands for `true`.
    pub defaults: BTreeMap<Channel, bool>,
    /// How many of its notifications each user gets by a channel; `None` is no limit.
    pub throttle: Option<Throttle>,
    /// What quiet hours mean for it.
    pub quiet: QuietRule,
    /// Whether users see it among their preferences.
    pub listed: bool,
    /// Whether its e-mails have a link to unsubscribe, if it is transactional.
    pub unsubscribe: bool,
    /// How its notifications are collected to digests; `None` if each is a message of its own, unless users choose a digest.
    pub digest: Option<DigestRule>,
}

/// A category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategoryRow {
    /// The name.
    pub name: CategoryName,
    /// The definition.
    pub category: NewCategory,
    /// When it last changed.
    pub updated_at: Timestamp,
}

pub(super) const COLUMNS: &str = "name, kind, label, description, defaults::text, quiet, listed, updated_at, throttle::text, unsubscribe, digest::text";

impl CategoryRow {
    /// Converts a row of `COLUMNS`; `None` if SQL has given the category a name that no notification can have.
    pub(super) fn of(row: &Row) -> Option<Self> {
        let defaults: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(row.get(4)).unwrap_or_default();
        let defaults = defaults
            .iter()
            .filter_map(|(channel, enabled)| Some((channel.parse().ok()?, enabled.as_bool()?)));
        Some(Self {
            name: row.get::<_, &str>(0).parse().ok()?,
            category: NewCategory {
                // The constraints of the table allow no others.
                kind: row.get::<_, &str>(1).parse().unwrap_or_default(),
                label: row.get(2),
                description: row.get(3),
                defaults: defaults.collect(),
                throttle: row
                    .get::<_, Option<&str>>(8)
                    .and_then(|throttle| serde_json::from_str(throttle).ok()),
                quiet: row.get::<_, &str>(5).parse().unwrap_or_default(),
                listed: row.get(6),
                unsubscribe: row.get(9),
                // One of a newer version counts as absent.
                digest: row
                    .get::<_, Option<&str>>(10)
                    .and_then(|rule| serde_json::from_str(rule).ok()),
            },
            updated_at: row.get(7),
        })
    }
}

impl NewCategory {
    /// The members of the JSON object that can never count for a category of its kind, and what is wrong with them. The
    /// messages continue "it …".
    #[must_use]
    pub fn ineffective(&self) -> Vec<(&'static str, &'static str)> {
        if self.kind != CategoryKind::Critical {
            return Vec::new();
        }
        let has_digest = self.digest.is_some_and(|rule| rule.mode != DigestMode::Off);
        let all = [
            (
                self.defaults.values().any(|enabled| !enabled),
                "defaults",
                "must not contain false for a critical category, whose notifications are always sent",
            ),
            (
                self.throttle.is_some(),
                "throttle",
                "must be absent for a critical category, whose notifications are never limited",
            ),
            (
                self.unsubscribe,
                "unsubscribe",
                "must be false for a critical category, whose e-mails never have a link to unsubscribe",
            ),
            (
                has_digest,
                "digest.mode",
                "must be off for a critical category, whose notifications never wait",
            ),
        ];
        let ineffective = all
            .into_iter()
            .filter(|(is_ineffective, ..)| *is_ineffective);
        ineffective
            .map(|(_, member, message)| (member, message))
            .collect()
    }

    /// The column `throttle`.
    pub(super) fn throttle_json(&self) -> Option<String> {
        let throttle = self.throttle.as_ref();
        throttle.and_then(|throttle| serde_json::to_string(throttle).ok())
    }

    /// The column `digest`.
    pub(super) fn digest_json(&self) -> Option<String> {
        let rule = self.digest.as_ref();
        rule.and_then(|rule| serde_json::to_string(rule).ok())
    }

    /// The column `defaults`.
    pub(super) fn defaults_json(&self) -> String {
        let defaults = self.defaults.iter();
        let members =
            defaults.map(|(channel, enabled)| (channel.as_str().to_owned(), (*enabled).into()));
        serde_json::Value::Object(members.collect()).to_string()
    }
}
