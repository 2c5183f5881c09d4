use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_db::dead_letters::DeadLetterFilter;
use tidings_db::replay_jobs::{DEFAULT_RATE, MAX_RATE};
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};

/// The largest number of ids in a filter.
const MAX_IDS: usize = 1000;

const EMPTY: &str = "must have a condition (reason, channel, provider, endpointId, ids, from or to), or \"all\": true for all dead letters";

const CONDITIONS: [&str; 8] = [
    "reason",
    "channel",
    "provider",
    "endpointId",
    "ids",
    "from",
    "to",
    "all",
];

/// The request body.
#[derive(ToSchema)]
#[schema(as = DeadLetterJob)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct BulkBody {
    filter: FilterBody,
    /// Whether to count only. Default: false.
    #[schema(rename = "dryRun")]
    dry_run: Option<bool>,
    /// How many dead letters to take in a second. Default: 100.
    #[schema(rename = "ratePerSecond", minimum = 1, maximum = 1000)]
    rate_per_second: Option<u32>,
}

/// Which dead letters: those that meet all conditions. Without a condition, `all` must be true.
#[derive(ToSchema)]
#[schema(as = DeadLetterFilter)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
struct FilterBody {
    /// The code of the failure.
    #[schema(pattern = "^[a-z0-9_]{1,100}$", example = "unknown_user")]
    reason: Option<String>,
    /// The channel, or the stage; `none` for those that name none.
    #[schema(example = "email")]
    channel: Option<String>,
    /// Who was asked to deliver last: a provider, or the host of a webhook; `none` for those that nobody was asked to deliver.
    #[schema(max_length = 255, example = "smtp")]
    provider: Option<String>,
    /// Only notifications that have not reached this webhook endpoint.
    #[schema(rename = "endpointId")]
    endpoint: Option<Uuid>,
    /// Message ids, or ids of the list.
    #[schema(max_items = 1000)]
    ids: Option<Vec<Uuid>>,
    /// Those that failed at this time or later.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Those that failed before this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// All dead letters.
    all: Option<bool>,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bulk {
    pub(super) filter: DeadLetterFilter,
    pub(super) dry_run: bool,
    pub(super) rate_per_second: u32,
}

/// Parses the body of a request.
///
/// # Errors
///
/// Returns 400 with everything that is wrong.
pub(super) fn parse(body: &[u8]) -> Result<Bulk, ApiError> {
    let known = ["filter", "dryRun", "ratePerSecond"];
    let mut reader = ObjectReader::parse(body, &known, "job")?;
    let filter = if reader.value("filter").is_some() {
        reader.optional_object("filter", &CONDITIONS, "must be an object", |reader| {
            Some(read_filter(reader))
        })
    } else {
        reader.missing("filter", EMPTY);
        None
    };
    if filter.as_ref().is_some_and(FilterRequest::is_empty) {
        reader.invalid("filter", EMPTY);
    }
    let dry_run = reader.optional("dryRun", values::boolean).unwrap_or(false);
    let rate = reader
        .optional("ratePerSecond", rate)
        .unwrap_or(DEFAULT_RATE);
    reader.finish(filter.map(|request| Bulk {
        filter: request.filter,
        dry_run,
        rate_per_second: rate,
    }))
}

/// The member `filter`.
struct FilterRequest {
    filter: DeadLetterFilter,
    has_condition: bool,
    all: bool,
}

impl FilterRequest {
    /// Whether it says neither which dead letters are meant nor that all are.
    const fn is_empty(&self) -> bool {
        !self.has_condition && !self.all
    }
}

fn read_filter(reader: &mut ObjectReader<'_>) -> FilterRequest {
    let mut conditions = CONDITIONS.iter().filter(|name| **name != "all");
    // A condition with a wrong value is one, too.
    let has_condition = conditions.any(|name| reader.value(name).is_some());
    let filter = DeadLetterFilter {
        reason: reader.optional("reason", |value| fields::reason(&values::string(value)?)),
        channel: reader.optional("channel", |value| fields::channel(&values::string(value)?)),
        provider: reader.optional("provider", |value| {
            fields::provider(&values::string(value)?)
        }),
        endpoint: reader.optional("endpointId", values::uuid),
        ids: reader.optional("ids", ids).unwrap_or_default(),
        from: reader.optional("from", time),
        to: reader.optional("to", time),
    };
    let all = reader.optional("all", values::boolean).unwrap_or(false);
    if all && has_condition {
        reader.invalid("all", "must be left out if there is a condition");
    }
    FilterRequest {
        filter,
        has_condition,
        all,
    }
}

/// Reads a rate.
pub(crate) fn rate(value: &RawValue) -> Result<u32, String> {
    let rate: Option<u32> = serde_json::from_str(value.get()).ok();
    rate.filter(|rate| (1..=MAX_RATE).contains(rate))
        .ok_or_else(|| format!("must be a whole number from 1 to {MAX_RATE}"))
}

fn ids(value: &RawValue) -> Result<Vec<Uuid>, String> {
    let message = || format!("must be a list of 1 to {MAX_IDS} UUIDs");
    let items: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(|_| message())?;
    if !(1..=MAX_IDS).contains(&items.len()) {
        return Err(message());
    }
    let ids = items.into_iter().map(values::uuid);
    ids.collect::<Result<_, _>>().map_err(|_| message())
}

fn time(value: &RawValue) -> Result<Timestamp, String> {
    values::parsed(value).map_err(|_| {
        "must be a time with offset (RFC 3339), such as 2027-03-28T09:00:00Z".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_with_its_defaults() {
        let all = parse(br#"{"filter": {"all": true}}"#).expect("valid");
        let expected = Bulk {
            filter: DeadLetterFilter::default(),
            dry_run: false,
            rate_per_second: DEFAULT_RATE,
        };
        assert_eq!(all, expected);
        let body = br#"{"filter": {"reason": "unknown_user", "channel": "none", "all": false,
            "ids": ["9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a"], "from": "2027-01-01T00:00:00Z"},
            "dryRun": true, "ratePerSecond": 1000}"#;
        let Bulk {
            filter,
            dry_run,
            rate_per_second,
        } = parse(body).expect("valid");
        assert_eq!(
            (dry_run, rate_per_second, filter.ids.len()),
            (true, 1000, 1)
        );
        assert!(filter.reason.is_some() && filter.channel.is_some() && filter.from.is_some());
    }

    #[test]
    fn an_empty_filter_is_refused_with_what_to_do() {
        for body in [
            "{}",
            r#"{"filter": null}"#,
            r#"{"filter": {}}"#,
            r#"{"filter": {"all": false}}"#,
        ] {
            let error = parse(body.as_bytes()).expect_err("refused");
            let [detail] = &error.details[..] else {
                panic!("{:?}", error.details);
            };
            assert_eq!(detail.field, "filter");
            assert!(
                detail.message.contains("\"all\": true"),
                "{}",
                detail.message
            );
        }
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let body = br#"{"filter": {"reason": "No", "channel": "fax", "provider": "", "endpointId": "x", "ids": [], "from": 1, "to": "x", "all": true,
            "user": 1}, "dryRun": 1, "ratePerSecond": 0, "rate": 1}"#;
        let error = parse(body).expect_err("refused");
        let mut names: Vec<_> = error.details.iter().map(|d| d.field.as_str()).collect();
        names.sort_unstable();
        let expected = [
            "dryRun",
            "filter.all",
            "filter.channel",
            "filter.endpointId",
            "filter.from",
            "filter.ids",
            "filter.provider",
            "filter.reason",
            "filter.to",
            "filter.user",
            "rate",
            "ratePerSecond",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn all_is_not_combined_with_a_condition() {
        let body = br#"{"filter": {"reason": "unknown_user", "all": true}}"#;
        let error = parse(body).expect_err("refused");
        assert_eq!(error.details[0].field, "filter.all");
    }
}
