use jiff::Timestamp;
use tidings_db::dead_letters::{DeadLetterCursor, DeadLetterFilter};

use super::fields;
use crate::error::{ApiError, ErrorDetail};
use crate::query::{self, PageRequest};

const TIME: &str = "must be a time with offset (RFC 3339), such as 2027-03-28T09:00:00Z";

/// The validated query of the list.
#[derive(Debug)]
pub(super) struct ListQuery {
    pub filter: DeadLetterFilter,
    pub page: PageRequest<DeadLetterCursor>,
}

impl ListQuery {
    /// Parses a query string.
    ///
    /// # Errors
    ///
    /// Returns 400 with everything that is wrong, unknown and repeated parameters included.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let mut filter = DeadLetterFilter::default();
        let mut page = PageRequest::first();
        query::read(text, |name, value, problems| {
            read_condition(&mut filter, name, value, problems)
                || page.read_parameter(name, value, problems)
        })?;
        Ok(Self { filter, page })
    }
}

/// Parses a query string that has no other parameters than the conditions of a filter.
///
/// # Errors
///
/// Returns 400 with everything that is wrong.
pub(super) fn parse_filter(text: &str) -> Result<DeadLetterFilter, ApiError> {
    let mut filter = DeadLetterFilter::default();
    query::read(text, |name, value, problems| {
        read_condition(&mut filter, name, value, problems)
    })?;
    Ok(filter)
}

fn read_condition(
    filter: &mut DeadLetterFilter,
    name: &str,
    value: &str,
    problems: &mut Vec<ErrorDetail>,
) -> bool {
    let mut keep = |read: Result<String, String>| {
        read.map_err(|message| problems.push(ErrorDetail::new(name, message)))
            .ok()
    };
    match name {
        "reason" => filter.reason = keep(fields::reason(value)),
        "channel" => filter.channel = keep(fields::channel(value)),
        "provider" => filter.provider = keep(fields::provider(value)),
        "endpointId" => {
            filter.endpoint = query::value(problems, name, value, Some("must be a UUID"));
        }
        "from" => filter.from = time(problems, name, value),
        "to" => filter.to = time(problems, name, value),
        _ => return false,
    }
    true
}

fn time(problems: &mut Vec<ErrorDetail>, name: &str, value: &str) -> Option<Timestamp> {
    query::value(problems, name, value, Some(TIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_is_read() {
        let text = "reason=unknown_user&channel=in-app&limit=7&provider=hooks.example.com\
                    &endpointId=9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a\
                    &from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00%2B01:00";
        let ListQuery { filter, page } = ListQuery::parse(text).expect("valid");
        assert_eq!(filter.reason.as_deref(), Some("unknown_user"));
        assert_eq!(filter.channel.as_deref(), Some("in-app"));
        assert_eq!(filter.provider.as_deref(), Some("hooks.example.com"));
        assert!(filter.endpoint.is_some());
        assert_eq!(filter.from, "2026-11-01T00:00:00Z".parse().ok());
        assert_eq!(filter.to, "2026-11-30T23:00:00Z".parse().ok());
        assert_eq!(page.limit, 7);
        assert!(parse_filter("channel=intake").is_ok());
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let text = "reason=Unknown user&channel=fax&provider=a b&endpointId=x&from=yesterday&to=2026&cursor=x&page=2";
        let error = ListQuery::parse(text).expect_err("wrong");
        let names: Vec<_> = error.details.iter().map(|d| d.field.as_str()).collect();
        let expected = [
            "reason",
            "channel",
            "provider",
            "endpointId",
            "from",
            "to",
            "cursor",
            "page",
        ];
        assert_eq!(names, expected);
        let error = parse_filter("limit=3").expect_err("wrong");
        assert_eq!(error.details.len(), 1);
    }
}
