//! Whether a notification is collected to a digest, and when the digest closes: what its category and its user say.

use jiff::Timestamp;
use tidings_domain::digest::{DigestClock, DigestMode, DigestRule};
use tidings_domain::time::{TimeOfDay, Timezone};

use crate::user_settings::DIGEST_AT;

/// An expression: the value that [`DigestFacts::read`] reads for the row of `table`, or NULL if the notification is not
/// collected. `payload` is an expression for its payload as `jsonb`.
///
/// Collected is what has a user and a category that is not critical, unless its payload names the recipient: a digest goes to
/// the contacts of the user. For a row without a category, nothing is looked up.
pub(crate) fn digest_facts(table: &str, payload: &str) -> String {
    let facts = facts_of(
        &format!("{table}.user_id"),
        &format!("{table}.category"),
        "AND (coalesce(category.digest ->> 'mode', 'off') <> 'off' OR coalesce(chosen.mode, 'off') <> 'off')",
    );
    let is_blank = |member: &str| format!("coalesce(btrim({payload} ->> '{member}'), '') = ''");
    // The payload is looked at only if the category has digests.
    format!(
        "CASE WHEN {table}.category IS NOT NULL AND {table}.user_id IS NOT NULL AND {table}.type <> 'in-app' THEN
             (SELECT CASE WHEN found.facts IS NOT NULL AND {}
                               AND CASE {table}.type WHEN 'sms' THEN {} WHEN 'webhook' THEN {} ELSE true END
                          THEN found.facts END
              FROM (SELECT {facts} AS facts OFFSET 0) AS found) END",
        is_blank("to"),
        is_blank("phoneNumber"),
        is_blank("endpointId"),
    )
}

/// An expression: the same for the user and the category of an open digest, whatever they say.
pub(super) fn facts_of_digest() -> String {
    facts_of("digests.user_id", "digests.category", "")
}

fn facts_of(user: &str, name: &str, condition: &str) -> String {
    format!(
        "(SELECT ARRAY[category.digest::text, chosen.mode, chosen.digest_at::text, target.timezone]
          FROM categories AS category
               LEFT JOIN LATERAL (SELECT user_settings.digests ->> category.name AS mode, user_settings.digest_at
                                  FROM user_settings WHERE user_settings.user_id = {user}) AS chosen ON true
               -- Nobody has digests who is not known.
               JOIN users AS target ON target.id = {user}
          WHERE category.name = {name} AND category.kind <> 'critical' {condition})"
    )
}

/// What a category and a user say about digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestFacts {
    rule: DigestRule,
    chosen: Option<DigestMode>,
    at: TimeOfDay,
    timezone: Option<Timezone>,
}

impl DigestFacts {
    /// Reads the value of [`digest_facts`]. A rule and a mode that this version does not know count as absent.
    pub(crate) fn read(stored: Option<Vec<Option<String>>>) -> Option<Self> {
        let mut stored = stored?.into_iter();
        let mut next = || stored.next().flatten();
        let (rule, chosen, at, timezone) = (next(), next(), next(), next());
        Some(Self {
            rule: rule
                .and_then(|rule| serde_json::from_str(&rule).ok())
                .unwrap_or_default(),
            chosen: chosen.and_then(|mode| mode.parse().ok()),
            // PostgreSQL writes the seconds too.
            at: at
                .and_then(|time| time.get(..5)?.parse().ok())
                .unwrap_or(DIGEST_AT),
            // SQL may have inserted a name that the database of time zones lacks.
            timezone: timezone.and_then(|name| name.parse().ok()),
        })
    }

    /// The mode: the slower of what the category says and what the user has chosen.
    pub(super) fn mode(&self) -> DigestMode {
        self.rule.mode_for(self.chosen)
    }

    /// Whether notifications are collected.
    pub(crate) fn collects(&self) -> bool {
        self.mode() != DigestMode::Off
    }

    /// How many items close a digest.
    pub(super) fn max_items(&self) -> u32 {
        self.rule.max_items()
    }

    /// When a digest that was opened at `opened_at` closes. `default` is the time zone of users who have set none.
    pub(super) fn closes_at(&self, default: &Timezone, opened_at: Timestamp) -> Timestamp {
        let clock = DigestClock {
            at: self.at,
            timezone: self.timezone.as_ref().unwrap_or(default),
        };
        self.rule.closes_at(self.mode(), clock, opened_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(stored: [Option<&str>; 4]) -> DigestFacts {
        let stored = stored.map(|value| value.map(str::to_owned)).to_vec();
        DigestFacts::read(Some(stored)).expect("facts")
    }

    #[test]
    fn the_stored_values_are_read_and_unknown_ones_count_as_absent() {
        let opened: Timestamp = "2027-01-01T00:00:00Z".parse().expect("an instant");
        let closes = |facts: &DigestFacts| facts.closes_at(&Timezone::default(), opened);
        let all = facts([
            Some(r#"{"mode": "window", "maxItems": 5}"#),
            Some("daily"),
            Some("18:30:00"),
            Some("Asia/Tokyo"),
        ]);
        assert!(all.collects());
        assert_eq!((all.mode(), all.max_items()), (DigestMode::Daily, 5));
        assert_eq!(closes(&all).to_string(), "2027-01-01T09:30:00Z");
        let none = facts([None; 4]);
        assert!(!none.collects());
        let unknown = facts([
            Some(r#"{"mode": "hourly"}"#),
            Some("yearly"),
            Some("noon"),
            Some("Mars/Base"),
        ]);
        assert_eq!(unknown, none);
        let chosen = facts([None, Some("daily"), None, None]);
        assert_eq!(closes(&chosen).to_string(), "2027-01-01T09:00:00Z");
        assert_eq!(DigestFacts::read(None), None);
    }
}
