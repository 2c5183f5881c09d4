use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_db::schedules::ScheduleRow;
use tidings_domain::category::CategoryName;
use tidings_domain::change::Change;
use tidings_domain::content::{FieldProblems, PayloadAddresses, TemplateRef};
use tidings_domain::digest::DigestKey;
use tidings_domain::notification::{Channel, GroupKey, payload_problem};
use tidings_domain::schedule::{Grace, ScheduleDefinition};
use tidings_domain::time::{CronPattern, Expiry, Timezone};
use tidings_requests::{NewNotification, NotificationTimes, digest_ref, template_ref};

use super::new_schedule::ttl_secs;
use super::recurrence::{self, ReadPattern};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::notifications::accept::check_allowed;
use crate::handlers::notifications::preconditions::check_unsubscribe_url;
use crate::json_body::{ObjectReader, check, values};
use crate::state::AppState;

const FIELDS: [&str; 11] = {
    let [cron, timezone, starts_at, ends_at, grace_secs] = recurrence::FIELDS;
    [
        "payload", "template", "ttlSecs", "group", "category", "digest", cron, timezone, starts_at,
        ends_at, grace_secs,
    ]
};

/// The changes that a client asks for. `None` leaves a field as it is.
#[derive(Debug, Default)]
pub struct ScheduleChanges<'a> {
    payload: Option<&'a RawValue>,
    template: Change<TemplateRef>,
    ttl_secs: Change<u32>,
    group: Change<GroupKey>,
    category: Change<CategoryName>,
    digest_key: Change<DigestKey>,
    pattern: Option<ReadPattern>,
    timezone: Option<Timezone>,
    starts_at: Change<Timestamp>,
    ends_at: Change<Timestamp>,
    grace: Option<Grace>,
}

impl<'a> ScheduleChanges<'a> {
    /// Parses the body of a request. `null` removes `template`, `ttlSecs`, `group`, `category`, `digest`, `startsAt` and `endsAt`,
    /// and is an error for the other fields.
    ///
    /// # Errors
    ///
    /// Returns 400 with everything that is wrong, except a payload that is wrong for the channel.
    pub fn parse(body: &'a [u8]) -> Result<Self, ApiError> {
        let mut reader = ObjectReader::parse(body, &FIELDS, "change of a schedule")?;
        let mut changes = Self::default();
        if reader.has("payload") {
            changes.payload = reader.required("payload", Ok);
            let problem = changes.payload.and_then(|json| payload_problem(json.get()));
            if let Some(problem) = problem {
                reader.invalid("payload", problem);
            }
        }
        if reader.has("template") {
            changes.template = Change::Set(template_ref::read(&mut reader));
        }
        if reader.has("ttlSecs") {
            let expiry = reader.merge(Expiry::read(None, reader.value("ttlSecs")));
            changes.ttl_secs = Change::Set(expiry.flatten().and_then(ttl_secs));
        }
        if reader.has("group") {
            changes.group = Change::Set(reader.optional("group", values::parsed));
        }
        if reader.has("category") {
            changes.category = Change::Set(reader.optional("category", values::parsed));
        }
        if reader.has(digest_ref::DIGEST) {
            changes.digest_key = Change::Set(digest_ref::read(&mut reader));
        }
        if reader.has("cron") {
            changes.pattern = reader.required("cron", recurrence::pattern);
        }
        if reader.has("timezone") {
            changes.timezone = reader.required("timezone", recurrence::timezone);
        }
        if reader.has("startsAt") {
            changes.starts_at = Change::Set(recurrence::instant(&mut reader, "startsAt"));
        }
        if reader.has("endsAt") {
            changes.ends_at = Change::Set(recurrence::instant(&mut reader, "endsAt"));
        }
        if reader.has("graceSecs") {
            changes.grace = reader.required("graceSecs", recurrence::grace);
        }
        reader.finish(Some(changes))
    }

    /// The new category, if there is one.
    pub const fn category(&self) -> Option<&CategoryName> {
        match &self.category {
            Change::Set(category) => category.as_ref(),
            Change::Keep => None,
        }
    }

    /// Whether the changes concern the occurrences.
    pub const fn concern_occurrences(&self) -> bool {
        self.pattern.is_some()
            || self.timezone.is_some()
            || self.starts_at.is_set()
            || self.ends_at.is_set()
    }

    /// The definition of a schedule after the changes. Checks it like a new one.
    ///
    /// # Errors
    ///
    /// Returns 400 and 403 as for a new schedule.
    pub fn apply(
        &self,
        row: &ScheduleRow,
        state: &AppState,
        caller: &Caller,
    ) -> Result<ScheduleDefinition, ApiError> {
        let mut problems = FieldProblems::default();
        let channel = problems.check("type", row.r#type.parse::<Channel>());
        let pattern = match &self.pattern {
            Some(pattern) => Some(pattern.clone()),
            None => problems
                .check("cron", row.cron.parse::<CronPattern>())
                .map(Ok),
        };
        let timezone = match &self.timezone {
            Some(timezone) => Some(timezone.clone()),
            None => problems.check("timezone", row.timezone.parse()),
        };
        let payload = match self.payload {
            Some(payload) => payload.to_owned(),
            None => RawValue::from_string(row.payload.clone()).map_err(ApiError::internal)?,
        };
        let template = self.template.of(row.template.clone());
        let old_group = row.group.as_deref().map(str::parse);
        let group = self.group.of(old_group.and_then(Result::ok));
        let old_category = row.category.as_deref().map(str::parse);
        let category = self.category.of(old_category.and_then(Result::ok));
        let old_key = row.digest_key.as_deref().map(str::parse);
        let digest_key = self.digest_key.of(old_key.and_then(Result::ok));
        let old_ttl = row.ttl_secs.and_then(|seconds| u32::try_from(seconds).ok());
        let ttl_secs = self.ttl_secs.of(old_ttl);
        let old_grace = u32::try_from(row.grace_secs).ok();
        let old_grace = old_grace.and_then(|seconds| Grace::try_from(seconds).ok());
        let is_templated = template.is_some();
        if let Some(channel) =
            channel.filter(|channel| is_templated && !template_ref::is_supported_by(*channel))
        {
            let message = format!("is taken for email, sms and push, not for {channel}");
            problems.invalid("template", message);
        }
        let read = channel.map(|channel| PayloadAddresses::read(channel, &payload, is_templated));
        let addresses = match read {
            Some(Err(wrong)) => {
                problems.extend(wrong);
                None
            }
            Some(Ok(addresses)) => Some(addresses),
            None => None,
        };
        if let Some(channel) = channel.filter(|_| digest_key.is_some()) {
            let names_recipient = addresses.as_ref().is_some_and(|one| one.names_recipient);
            let found = digest_ref::problem(channel, true, category.is_some(), names_recipient);
            if let Some(problem) = found {
                problems.invalid(digest_ref::DIGEST, problem);
            }
        }
        check(problems)?;
        let (Some(channel), Some(pattern), Some(timezone), Some(addresses)) =
            (channel, pattern, timezone, addresses)
        else {
            return Err(ApiError::internal("a field is wrong without a problem"));
        };
        let starts_at = self.starts_at.of(row.starts_at);
        let ends_at = self.ends_at.of(row.ends_at);
        let recurrence = recurrence::combine(pattern, timezone, starts_at, ends_at)?;
        let notification = NewNotification {
            user_id: Some(row.user_id),
            channel,
            payload: &payload,
            template,
            addresses,
            times: NotificationTimes::default(),
            sensitive: false,
            category,
            digest_key,
        };
        check_allowed(state, caller, &notification)?;
        let has_url = notification.addresses.has_unsubscribe_url;
        check_unsubscribe_url(state, channel, notification.category.as_ref(), has_url)?;
        let NewNotification {
            template,
            category,
            digest_key,
            ..
        } = notification;
        Ok(ScheduleDefinition {
            sender: row.sender.clone(),
            user_id: row.user_id,
            channel,
            payload,
            template,
            group,
            category,
            digest_key,
            ttl_secs,
            recurrence,
            grace: self.grace.or(old_grace).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(body: &str) -> Vec<String> {
        let error = ScheduleChanges::parse(body.as_bytes()).expect_err(body);
        let fields = error.details.into_iter().map(|detail| detail.field);
        fields.collect()
    }

    #[test]
    fn absent_fields_are_kept_and_null_removes_a_value() {
        let none = ScheduleChanges::parse(b"{}").expect("valid");
        assert_eq!(none.template, Change::Keep);
        assert_eq!(
            (none.ttl_secs.clone(), none.starts_at.clone()),
            (Change::Keep, Change::Keep)
        );
        assert!(!none.concern_occurrences());
        let removed = r#"{"template": null, "ttlSecs": null, "group": null, "startsAt": null, "endsAt": null}"#;
        let removed = ScheduleChanges::parse(removed.as_bytes()).expect("valid");
        assert_eq!(removed.template, Change::Set(None));
        assert_eq!(removed.ttl_secs, Change::Set(None));
        assert_eq!(removed.group, Change::Set(None));
        let bounds = (removed.starts_at, removed.ends_at);
        assert_eq!(bounds, (Change::Set(None), Change::Set(None)));
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let body = r#"{"payload": [], "template": {}, "ttlSecs": 0, "group": "", "cron": null, "timezone": null,
                       "startsAt": 1, "endsAt": 1, "graceSecs": null, "type": "sms", "targetUserId": "x"}"#;
        let mut fields = rejected(body);
        fields.sort_unstable();
        let expected = [
            "cron",
            "endsAt",
            "graceSecs",
            "group",
            "payload",
            "startsAt",
            "targetUserId",
            "template.name",
            "timezone",
            "ttlSecs",
            "type",
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn each_field_of_the_recurrence_concerns_the_occurrences() {
        for body in [
            r#"{"cron": "0 9 * * *"}"#,
            r#"{"timezone": "UTC"}"#,
            r#"{"startsAt": null}"#,
            r#"{"endsAt": null}"#,
        ] {
            let changes = ScheduleChanges::parse(body.as_bytes()).expect(body);
            assert!(changes.concern_occurrences(), "{body}");
        }
        let grace = ScheduleChanges::parse(br#"{"graceSecs": 60, "payload": {}}"#).expect("valid");
        assert!(!grace.concern_occurrences());
    }
}
