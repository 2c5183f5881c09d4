use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// When a row became a dead letter, as far as that is known. The index has the same expression.
pub(crate) const FAILED_AT: &str = "coalesce(failed_at, ended_at, created_at)";

/// The reason of failures that an older version recorded.
pub(super) const UNKNOWN: &str = "unknown";

/// The channel of letters that name no known stage, and the provider of those that nobody was asked to deliver.
pub(super) const NONE: &str = "none";

/// The number of parameters of a filter: those of a query follow.
pub(super) const PARAMETERS: usize = 7;

/// Matches dead letters that meet all conditions. Without conditions, matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// The code of the failure.
    pub reason: Option<String>,
    /// The channel of the notification, or the stage of a message; `none` for messages that name no known stage.
    pub channel: Option<String>,
    /// Who was asked last: a provider, or the host of a webhook; `none` for those that nobody was asked to deliver.
    pub provider: Option<String>,
    /// Only notifications that have not reached this webhook endpoint.
    pub endpoint: Option<Uuid>,
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
        add("provider", self.provider.as_deref().map(Value::from));
        add("endpointId", self.endpoint.map(|id| id.to_string().into()));
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
    ///
    /// # Errors
    ///
    /// Fails if there is anything else. A condition that was left out would make the filter match more.
    pub fn from_json(json: &Value) -> Result<Self, UnknownFilter> {
        let unknown = |name: &str| UnknownFilter(name.to_owned());
        let mut filter = Self::default();
        for (name, value) in json.as_object().ok_or_else(|| unknown("filter"))? {
            let wrong = || unknown(name);
            let text = || value.as_str().ok_or_else(wrong);
            let time = || text()?.parse::<Timestamp>().map_err(|_| wrong());
            match name.as_str() {
                "reason" => filter.reason = Some(text()?.to_owned()),
                "channel" => filter.channel = Some(text()?.to_owned()),
                "provider" => filter.provider = Some(text()?.to_owned()),
                "endpointId" => filter.endpoint = Some(text()?.parse().map_err(|_| wrong())?),
                "ids" => filter.ids = read_ids(value).ok_or_else(wrong)?,
                "from" => filter.from = Some(time()?),
                "to" => filter.to = Some(time()?),
                _ => return Err(wrong()),
            }
        }
        Ok(filter)
    }

    /// Where failed rows come from: the tables, and the columns with the time of the failure and the message id. The index of an
    /// endpoint has the order of both.
    pub(crate) fn row_source(&self) -> RowSource {
        if self.endpoint.is_some() {
            RowSource {
                tables: "(SELECT message_id AS target_id, failed_at AS target_at FROM endpoint_failures WHERE endpoint_id = $7) AS target
                         -- With OFFSET, PostgreSQL begins with the index of the endpoint. It underestimates how many rows match.
                         CROSS JOIN LATERAL (SELECT * FROM notifications
                                             WHERE message_id = target_id AND failed_at = target_at OFFSET 0) AS notifications",
                at: "target_at",
                id: "target_id",
            }
        } else {
            RowSource {
                tables: "notifications",
                at: FAILED_AT,
                id: "message_id",
            }
        }
    }

    /// The conditions of failed rows. Uses `$1` to `$7`, which are [`Self::parameters`]. Leaves out the conditions that the
    /// filter does not have, so that PostgreSQL always finds the index.
    pub(crate) fn row_conditions(&self) -> String {
        // As in the indexes.
        let reason = format!("coalesce(failure_reason, '{UNKNOWN}') = $1");
        let provider = format!("coalesce(failed_provider, '{NONE}') = $6");
        self.conditions(
            "status = 'failed' AND purged_at IS NULL",
            [
                &reason,
                "type = $2",
                "message_id = ANY($3)",
                &provider,
                "$7::uuid IS NOT NULL",
            ],
            self.row_source().at,
        )
    }

    /// Like [`Self::row_conditions`], for letters without a row, which nobody was asked to deliver.
    pub(crate) fn letter_conditions(&self) -> String {
        self.conditions(
            "removed_at IS NULL",
            [
                "reason = $1",
                &format!("coalesce(stage, '{NONE}') = $2"),
                "(id = ANY($3) OR message_id = ANY($3::uuid[]::text[]))",
                &format!("$6::text = '{NONE}'"),
                "$7::uuid IS NULL",
            ],
            "failed_at",
        )
    }

    fn conditions(
        &self,
        always: &str,
        [reason, channel, ids, provider, endpoint]: [&str; 5],
        time: &str,
    ) -> String {
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
            one(self.provider.is_some(), provider, "$6::text"),
            one(self.endpoint.is_some(), endpoint, "$7::uuid"),
        ]
        .join(" AND ")
    }

    /// The ids, for [`Self::parameters`].
    pub(crate) fn ids_parameter(&self) -> Option<&[Uuid]> {
        (!self.ids.is_empty()).then_some(&*self.ids)
    }

    /// The values of `$1` to `$7`. `ids` are [`Self::ids_parameter`].
    pub(crate) fn parameters<'a>(
        &'a self,
        ids: &'a (dyn ToSql + Sync),
    ) -> Vec<&'a (dyn ToSql + Sync)> {
        let all: [&(dyn ToSql + Sync); PARAMETERS] = [
            &self.reason,
            &self.channel,
            ids,
            &self.from,
            &self.to,
            &self.provider,
            &self.endpoint,
        ];
        all.to_vec()
    }
}

/// Where failed rows come from.
pub(crate) struct RowSource {
    /// What follows `FROM`.
    pub(crate) tables: &'static str,
    /// The time of the failure.
    pub(crate) at: &'static str,
    /// The message id.
    pub(crate) id: &'static str,
}

/// The ids of a filter: at least one, because no ids stand for all.
fn read_ids(value: &Value) -> Option<Vec<Uuid>> {
    let ids = value.as_array()?.iter();
    let ids = ids.map(|id| id.as_str()?.parse().ok());
    ids.collect::<Option<Vec<Uuid>>>()
        .filter(|ids| !ids.is_empty())
}

/// A filter that this version cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this version does not know the condition {0:?} of the filter, or its value: a newer version has created the job"
)]
pub struct UnknownFilter(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_back_from_its_json() {
        let full = DeadLetterFilter {
            reason: Some("unknown_user".to_owned()),
            channel: Some("email".to_owned()),
            provider: Some("smtp".to_owned()),
            endpoint: Some(Uuid::now_v7()),
            ids: vec![Uuid::now_v7(), Uuid::now_v7()],
            from: "2027-01-01T00:00:00Z".parse().ok(),
            to: "2027-01-02T00:00:00.5Z".parse().ok(),
        };
        for filter in [full, DeadLetterFilter::default()] {
            assert_eq!(
                DeadLetterFilter::from_json(&filter.to_json()),
                Ok(filter.clone())
            );
        }
        assert!(DeadLetterFilter::default().is_empty());
        assert_eq!(DeadLetterFilter::default().to_json(), json!({}));
    }

    #[test]
    fn what_cannot_be_read_does_not_widen_a_filter() {
        for (json, name) in [
            (json!({"reason": "x", "user": "anna"}), "user"),
            (json!({"reason": 1}), "reason"),
            (json!({"ids": []}), "ids"),
            (json!({"ids": ["x"]}), "ids"),
            (json!({"provider": 1}), "provider"),
            (json!({"endpointId": "x"}), "endpointId"),
            (json!({"from": "-1h"}), "from"),
            (json!({"to": null}), "to"),
            (json!([]), "filter"),
        ] {
            let error = UnknownFilter(name.to_owned());
            assert_eq!(DeadLetterFilter::from_json(&json), Err(error), "{json}");
        }
    }
}
