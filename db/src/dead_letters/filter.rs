use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// When a row became a dead letter, as far as that is known. The index has the same expression.
pub(crate) const FAILED_AT: &str = "coalesce(failed_at, ended_at, created_at)";

/// The reason of failures that an older version recorded.
pub(super) const UNKNOWN: &str = "unknown";

/// The channel of letters that name no known stage.
pub(super) const NO_CHANNEL: &str = "none";

/// Matches dead letters that meet all conditions. Without conditions, matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// The code of the failure.
    pub reason: Option<String>,
    /// The channel of the notification, or the stage of a message; `none` for messages that name no known stage.
    pub channel: Option<String>,
    /// Only these: message ids, or ids of the list. Empty stands for all.
    pub ids: Vec<Uuid>,
    /// Failed at this time or later.
    pub from: Option<Timestamp>,
    /// Failed before this time.
    pub to: Option<Timestamp>,
}

impl DeadLetterFilter {
    /// Whether the filter has no condition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The filter as JSON: only the conditions that it has.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                json.insert(name.to_owned(), value);
            }
        };
        add("reason", self.reason.as_deref().map(Value::from));
        add("channel", self.channel.as_deref().map(Value::from));
        add(
            "ids",
            (!self.ids.is_empty())
                .then(|| json!(self.ids.iter().map(Uuid::to_string).collect::<Vec<_>>())),
        );
        add("from", self.from.map(|time| time.to_string().into()));
        add("to", self.to.map(|time| time.to_string().into()));
        Value::Object(json)
    }

    /// Reads what [`Self::to_json`] has written.
    #[must_use]
    pub fn from_json(json: &Value) -> Self {
        let text = |name: &str| json[name].as_str().map(str::to_owned);
        let time = |name: &str| json[name].as_str().and_then(|time| time.parse().ok());
        let ids = json["ids"].as_array().into_iter().flatten();
        Self {
            reason: text("reason"),
            channel: text("channel"),
            ids: ids.filter_map(|id| id.as_str()?.parse().ok()).collect(),
            from: time("from"),
            to: time("to"),
        }
    }

    /// The conditions of failed rows. Uses `$1` to `$5`, which are [`Self::parameters`]. Leaves out the conditions that the
    /// filter does not have, so that PostgreSQL always finds the index.
    pub(crate) fn row_conditions(&self) -> String {
        let reason =
            format!("(failure_reason = $1 OR failure_reason IS NULL AND $1 = '{UNKNOWN}')");
        self.conditions(
            "status = 'failed' AND purged_at IS NULL",
            [&reason, "type = $2", "message_id = ANY($3)"],
            FAILED_AT,
        )
    }

    /// Like [`Self::row_conditions`], for letters without a row.
    pub(crate) fn letter_conditions(&self) -> String {
        self.conditions(
            "removed_at IS NULL",
            [
                "reason = $1",
                &format!("(stage = $2 OR stage IS NULL AND $2 = '{NO_CHANNEL}')"),
                "(id = ANY($3) OR message_id = ANY($3::uuid[]::text[]))",
            ],
            "failed_at",
        )
    }

    fn conditions(&self, always: &str, [reason, channel, ids]: [&str; 3], time: &str) -> String {
        let one = |is_set: bool, condition: &str, absent: &str| {
            if is_set {
                condition.to_owned()
            } else {
                // Names the type of the parameter, which is NULL.
                format!("{absent} IS NULL")
            }
        };
        [
            always.to_owned(),
            one(self.reason.is_some(), reason, "$1::text"),
            one(self.channel.is_some(), channel, "$2::text"),
            one(!self.ids.is_empty(), ids, "$3::uuid[]"),
            one(
                self.from.is_some(),
                &format!("{time} >= $4"),
                "$4::timestamptz",
            ),
            one(
                self.to.is_some(),
                &format!("{time} < $5"),
                "$5::timestamptz",
            ),
        ]
        .join(" AND ")
    }

    /// The ids, for [`Self::parameters`].
    pub(crate) fn ids_parameter(&self) -> Option<&[Uuid]> {
        (!self.ids.is_empty()).then_some(&*self.ids)
    }

    /// The values of `$1` to `$5`. `ids` are [`Self::ids_parameter`].
    pub(crate) fn parameters<'a>(
        &'a self,
        ids: &'a (dyn ToSql + Sync),
    ) -> Vec<&'a (dyn ToSql + Sync)> {
        vec![&self.reason, &self.channel, ids, &self.from, &self.to]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_back_from_its_json() {
        let full = DeadLetterFilter {
            reason: Some("unknown_user".to_owned()),
            channel: Some("email".to_owned()),
            ids: vec![Uuid::now_v7(), Uuid::now_v7()],
            from: "2027-01-01T00:00:00Z".parse().ok(),
            to: "2027-01-02T00:00:00.5Z".parse().ok(),
        };
        for filter in [full, DeadLetterFilter::default()] {
            assert_eq!(DeadLetterFilter::from_json(&filter.to_json()), filter);
        }
        assert!(DeadLetterFilter::default().is_empty());
        assert_eq!(DeadLetterFilter::default().to_json(), json!({}));
    }
}
