use tidings_domain::notification::UserId;
use tidings_domain::schedule::{Grace, ScheduleDefinition};
use tidings_domain::time::{CronSchedule, Expiry};
use tidings_requests::{AllowedRecipients, NewNotification};

use super::recurrence;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::json_body::ObjectReader;

/// The fields of the notifications, and those that say when.
const FIELDS: [&str; 16] = {
    let [cron, timezone, starts_at, ends_at, grace_secs] = recurrence::FIELDS;
    let [send_at, expires_at] = NOT_TAKEN;
    [
        "targetUserId",
        "type",
        "payload",
        "template",
        "ttlSecs",
        "group",
        send_at,
        expires_at,
        "sensitive",
        "category",
        "digest",
        cron,
        timezone,
        starts_at,
        ends_at,
        grace_secs,
    ]
};

/// The fields of a notification that a schedule does not have.
const NOT_TAKEN: [&str; 2] = ["sendAt", "expiresAt"];

/// The schedule that a client asks for, validated.
#[derive(Debug)]
pub struct NewSchedule<'a> {
    /// The notification of each occurrence.
    pub notification: NewNotification<'a>,
    /// The user that the notifications are for.
    pub user_id: UserId,
    /// When it occurs.
    pub recurrence: CronSchedule,
    /// How late an occurrence may run.
    pub grace: Grace,
}

impl<'a> NewSchedule<'a> {
    /// Parses the body of a request.
    ///
    /// # Errors
    ///
    /// Returns 400 with everything that is wrong.
    pub fn parse(body: &'a [u8]) -> Result<Self, ApiError> {
        let mut reader = ObjectReader::parse(body, &FIELDS, "schedule")?;
        for field in NOT_TAKEN {
            reader.reject(
                field,
                "is not taken: cron says when, and ttlSecs for how long",
            );
        }
        reader.reject(
            "sensitive",
            "is not taken: a schedule keeps its payload; notifications with a sensitive template are sensitive",
        );
        let notification = NewNotification::read(&mut reader, AllowedRecipients::Users);
        let pattern = reader.required("cron", recurrence::pattern);
        let timezone = reader.required("timezone", recurrence::timezone);
        let starts_at = recurrence::instant(&mut reader, "startsAt");
        let ends_at = recurrence::instant(&mut reader, "endsAt");
        let grace = reader.optional("graceSecs", recurrence::grace);
        let user_id = notification.as_ref().and_then(|new| new.user_id);
        let parts = notification.zip(user_id).zip(pattern.zip(timezone));
        let ((notification, user_id), (pattern, timezone)) = reader.finish(parts)?;
        Ok(Self {
            notification,
            user_id,
            recurrence: recurrence::combine(pattern, timezone, starts_at, ends_at)?,
            grace: grace.unwrap_or_default(),
        })
    }

    /// The definition of the schedule that `caller` creates.
    pub fn definition(self, caller: &Caller) -> ScheduleDefinition {
        let Self {
            notification,
            user_id,
            recurrence,
            grace,
        } = self;
        ScheduleDefinition {
            sender: caller.sender(),
            user_id,
            channel: notification.channel,
            payload: notification.payload.to_owned(),
            template: notification.template,
            group: notification.times.group,
            category: notification.category,
            digest_key: notification.digest_key,
            ttl_secs: notification.times.expiry.and_then(ttl_secs),
            recurrence,
            grace,
        }
    }
}

/// The seconds of an expiry that is given by `ttlSecs`.
pub fn ttl_secs(expiry: Expiry) -> Option<u32> {
    match expiry {
        Expiry::After(seconds) => Some(seconds),
        Expiry::At(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn body(more: &Value) -> String {
        let mut body = json!({
            "targetUserId": "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a",
            "type": "sms",
            "payload": {"text": "Hi"},
            "cron": "0 9 * * 1",
            "timezone": "Europe/Berlin",
        });
        let members = more.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(members);
        body.to_string()
    }

    fn rejected(more: &Value) -> (&'static str, Vec<String>) {
        let body = body(more);
        let error = NewSchedule::parse(body.as_bytes()).expect_err(&body);
        let fields = error.details.into_iter().map(|detail| detail.field);
        (error.code, fields.collect())
    }

    #[test]
    fn a_schedule_is_read() {
        let body = body(&json!({
            "ttlSecs": 60, "group": "weekly", "category": "news", "digest": {"key": "a"}, "graceSecs": 120,
            "startsAt": {"local": "2027-03-01T00:00", "timezone": "Europe/Berlin"}, "endsAt": "2027-12-31T00:00:00Z",
        }));
        let read = NewSchedule::parse(body.as_bytes()).expect("valid");
        assert_eq!(read.grace.as_secs(), 120);
        assert_eq!(read.notification.category, "news".parse().ok());
        assert_eq!(read.notification.digest_key, "a".parse().ok());
        assert_eq!(read.notification.times.expiry.and_then(ttl_secs), Some(60));
        let recurrence = read.recurrence;
        assert_eq!(recurrence.pattern().as_str(), "0 9 * * 1");
        assert_eq!(recurrence.timezone().name(), "Europe/Berlin");
        let [starts, ends] =
            [recurrence.starts_at(), recurrence.ends_at()].map(|at| at.map(|at| at.to_string()));
        assert_eq!(starts.as_deref(), Some("2027-02-28T23:00:00Z"));
        assert_eq!(ends.as_deref(), Some("2027-12-31T00:00:00Z"));
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let wrong = json!({
            "type": "pigeon", "cron": "@daily", "timezone": "user", "startsAt": 7, "endsAt": "soon", "graceSecs": 59,
            "sendAt": "2027-01-01T00:00:00Z", "sensitive": true, "color": 1,
        });
        let (code, fields) = rejected(&wrong);
        assert_eq!(code, "invalid_request");
        let expected = [
            "sendAt",
            "sensitive",
            "type",
            "cron",
            "timezone",
            "startsAt",
            "endsAt",
            "graceSecs",
            "color",
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn seconds_and_nicknames_are_refused_with_what_to_write() {
        for cron in ["@daily", "0 0 9 * * 1", "0 0 9 * * 1 2027"] {
            let body = body(&json!({"cron": cron}));
            let error = NewSchedule::parse(body.as_bytes()).expect_err(cron);
            assert_eq!(error.code, "invalid_fields");
            let message = &error.details[0].message;
            assert!(
                message.starts_with("must have five fields: minute, hour, day of month"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_schedule_that_cannot_occur_has_a_code_of_its_own() {
        let never = rejected(&json!({"cron": "0 0 31 2 *"}));
        assert_eq!(never, ("cron_never", vec!["cron".to_owned()]));
        let reversed =
            json!({"startsAt": "2027-02-01T00:00:00Z", "endsAt": "2027-01-01T00:00:00Z"});
        let reversed = rejected(&reversed);
        assert_eq!(reversed, ("ends_before_start", vec!["endsAt".to_owned()]));
    }

    #[test]
    fn pattern_and_time_zone_are_required() {
        let (code, fields) = rejected(&json!({"timezone": null}));
        assert_eq!((code, fields), ("invalid_fields", vec!["timezone".into()]));
        let minimal = r#"{"targetUserId": "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a", "type": "in-app", "payload": {}}"#;
        let error = NewSchedule::parse(minimal.as_bytes()).expect_err("incomplete");
        assert_eq!(
            error.message, "Missing required fields: cron, timezone",
            "{error}"
        );
    }

    #[test]
    fn a_recipient_in_the_payload_does_not_replace_the_user() {
        let body = body(&json!({"payload": {"text": "Hi", "to": "+4915112345678"}}));
        assert!(NewSchedule::parse(body.as_bytes()).is_ok());
        let mut body: Value = serde_json::from_str(&body).expect("JSON");
        body.as_object_mut()
            .expect("an object")
            .remove("targetUserId");
        let error = NewSchedule::parse(body.to_string().as_bytes()).expect_err("no user");
        assert_eq!(error.message, "Missing required fields: targetUserId");
        assert_eq!(error.details[0].message, "is required");
    }

    proptest! {
        #[test]
        fn arbitrary_texts_in_fields_are_never_a_panic(text in ".*") {
            for field in ["cron", "timezone", "startsAt", "endsAt", "graceSecs", "ttlSecs"] {
                let _ = NewSchedule::parse(body(&json!({field: text})).as_bytes());
            }
        }
    }
}
