use std::fmt;
use std::str::FromStr;

use tidings_db::InvalidCursor;
use tidings_db::notifications::{NotificationFilter, SearchCursor, SentCursor};
use tidings_domain::notification::{Channel, Phase, Status};

use crate::error::{ApiError, ErrorDetail};
use crate::handlers::dead_letters::reason;
use crate::query::{self, PageRequest};

/// Which notifications are returned.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ListOrder {
    /// All, by the time of their acceptance or their end, as the filter says.
    Searched(Option<SearchCursor>),
    /// Those that were sent, by the time of sending.
    Sent(Option<SentCursor>),
}

/// The validated query.
#[derive(Debug)]
pub(super) struct NotificationQuery {
    pub filter: NotificationFilter,
    pub order: ListOrder,
    /// The maximum number of notifications.
    pub limit: u32,
    /// Whether the query has a limit.
    pub has_limit: bool,
}

/// A position in one of the orders.
#[derive(Clone, Copy, Debug)]
enum ListCursor {
    Searched(SearchCursor),
    Sent(SentCursor),
}

impl FromStr for ListCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = text.parse().map(Self::Searched);
        id.or_else(|_| text.parse().map(Self::Sent))
    }
}

/// The value of `order`.
#[derive(Debug, PartialEq, Eq)]
struct BySending;

/// The text names no order.
#[derive(Debug)]
struct UnknownOrder;

impl fmt::Display for UnknownOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be sent, or absent")
    }
}

impl FromStr for BySending {
    type Err = UnknownOrder;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        (text == "sent").then_some(Self).ok_or(UnknownOrder)
    }
}

const TIME: &str = "must be a time with offset (RFC 3339), such as 2027-03-28T09:00:00Z";

impl NotificationQuery {
    /// Parses a query string. Only the order of sending can be read as CSV.
    ///
    /// # Errors
    ///
    /// Returns 400 with everything that is wrong, unknown and repeated parameters included.
    pub(super) fn parse(text: &str, as_csv: bool) -> Result<Self, ApiError> {
        let mut filter = NotificationFilter::default();
        let mut page = PageRequest::<ListCursor>::first();
        let (mut order, mut has_limit) = (None, false);
        query::read(text, |name, value, problems| {
            if read_condition(&mut filter, name, value, problems) {
                return true;
            }
            match name {
                "sentAfter" => {
                    filter.processed_from = query::value(problems, name, value, Some(TIME));
                }
                "sentBefore" => {
                    filter.processed_before = query::value(problems, name, value, Some(TIME));
                }
                "order" => order = query::value::<BySending>(problems, name, value, None),
                _ => {
                    has_limit |= name == "limit";
                    return page.read_parameter(name, value, problems);
                }
            }
            true
        })?;
        let order = combine(&filter, order.is_some(), page.after, as_csv)?;
        Ok(Self {
            filter,
            order,
            limit: page.limit,
            has_limit,
        })
    }
}

/// Reads a condition of a filter. Returns whether there is such a parameter.
fn read_condition(
    filter: &mut NotificationFilter,
    name: &str,
    value: &str,
    problems: &mut Vec<ErrorDetail>,
) -> bool {
    match name {
        "targetUserId" => {
            filter.user_id = query::value(problems, name, value, Some("must be a UUID"));
        }
        "status" => filter.status = query::value(problems, name, value, None),
        "type" => filter.channel = query::value(problems, name, value, None),
        "category" => filter.category = query::text(problems, name, value),
        "sender" => filter.sender = query::text(problems, name, value),
        "template" => filter.template = query::text(problems, name, value),
        "reason" => match reason(value) {
            Ok(reason) => filter.reason = Some(reason),
            Err(message) => problems.push(ErrorDetail::new(name, message)),
        },
        "host" => filter.host = host(problems, name, value),
        "reference" => filter.reference = query::text(problems, name, value),
        "messageId" => {
            filter.message_id = query::value(problems, name, value, Some("must be a UUID"));
        }
        "createdFrom" => {
            filter.created_from = query::value(problems, name, value, Some(TIME));
        }
        "createdTo" => {
            filter.created_before = query::value(problems, name, value, Some(TIME));
        }
        "endedFrom" => {
            filter.ended_from = query::value(problems, name, value, Some(TIME));
        }
        "endedTo" => {
            filter.ended_before = query::value(problems, name, value, Some(TIME));
        }
        _ => return false,
    }
    true
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExportFormat {
    /// RFC 4180.
    Csv,
    /// One JSON object a line.
    NdJson,
}

impl FromStr for ExportFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "csv" => Ok(Self::Csv),
            "ndjson" => Ok(Self::NdJson),
            _ => Err("must be csv or ndjson"),
        }
    }
}

/// Parses the query of a file: a filter, and the format if one is named.
///
/// # Errors
///
/// Returns 400 with everything that is wrong.
pub(super) fn parse_export(
    text: &str,
) -> Result<(NotificationFilter, Option<ExportFormat>), ApiError> {
    let (mut filter, mut format) = (NotificationFilter::default(), None);
    query::read(text, |name, value, problems| {
        if name == "format" {
            format = query::value(problems, name, value, None);
            return true;
        }
        read_condition(&mut filter, name, value, problems)
    })?;
    Ok((filter, format))
}

/// Parses a host, and returns it as it is in URLs: in ASCII and lower case, without a port.
fn host(problems: &mut Vec<ErrorDetail>, name: &str, value: &str) -> Option<String> {
    let parsed = url::Host::parse(value.trim_end_matches('.'));
    if parsed.is_err() {
        let message = "must be a host name or an address without a port, such as example.com";
        problems.push(ErrorDetail::new(name, message));
    }
    parsed.ok().map(|host| host.to_string())
}

/// Checks that the parameters fit together.
fn combine(
    filter: &NotificationFilter,
    is_sent: bool,
    after: Option<ListCursor>,
    as_csv: bool,
) -> Result<ListOrder, ApiError> {
    let mut problems = Vec::new();
    let mut check = |is_wrong: bool, name: &str, message: &str| {
        if is_wrong {
            problems.push(ErrorDetail::new(name, message));
        }
    };
    check(as_csv && !is_sent, "order", "must be sent for text/csv");
    let (from, before) = (filter.processed_from, filter.processed_before);
    check(from.is_some() && !is_sent, "sentAfter", "needs order=sent");
    check(
        before.is_some() && !is_sent,
        "sentBefore",
        "needs order=sent",
    );
    for (name, is_given) in [
        ("template", filter.template.is_some()),
        ("reason", filter.reason.is_some()),
        ("host", filter.host.is_some()),
        ("reference", filter.reference.is_some()),
        ("messageId", filter.message_id.is_some()),
        ("createdFrom", filter.created_from.is_some()),
        ("createdTo", filter.created_before.is_some()),
        ("endedFrom", filter.ended_from.is_some()),
        ("endedTo", filter.ended_before.is_some()),
    ] {
        check(
            is_sent && is_given,
            name,
            "cannot be combined with order=sent",
        );
    }
    let other_status = filter.status.is_some_and(|one| one != Status::Processed);
    let message = "must be processed, or absent, with order=sent";
    check(is_sent && other_status, "status", message);
    let is_open = filter
        .status
        .is_some_and(|one| !matches!(one.phase(), Phase::Failed | Phase::Ended));
    let has_ends = filter.ended_from.is_some() || filter.ended_before.is_some();
    let message = "must be that of an end, or absent, with endedFrom or endedTo: processed, failed, cancelled, expired, suppressed or digested";
    check(has_ends && is_open, "status", message);
    let is_in_app = filter.channel == Some(Channel::InApp);
    let message = "in-app notifications are not sent";
    check(is_sent && is_in_app, "type", message);
    let order = match (is_sent, after) {
        (false, None) => ListOrder::Searched(None),
        (false, Some(ListCursor::Searched(cursor))) if cursor.is_by_end() == filter.is_by_end() => {
            ListOrder::Searched(Some(cursor))
        }
        (true, None) => ListOrder::Sent(None),
        (true, Some(ListCursor::Sent(cursor))) => ListOrder::Sent(Some(cursor)),
        (_, Some(_)) => {
            check(true, "cursor", "is that of another order");
            ListOrder::Searched(None)
        }
    };
    if problems.is_empty() {
        Ok(order)
    } else {
        Err(query::invalid(problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<NotificationQuery, Vec<String>> {
        NotificationQuery::parse(query, false).map_err(|error| fields(&error))
    }

    fn fields(error: &ApiError) -> Vec<String> {
        let details = error.details.iter();
        details.map(|detail| detail.field.clone()).collect()
    }

    #[test]
    fn a_query_is_read() {
        let query = parse(
            "limit=200&status=failed&type=in-app&targetUserId=9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a",
        )
        .expect("valid");
        assert_eq!((query.limit, query.has_limit), (200, true));
        assert!(
            query.filter.status.is_some()
                && query.filter.channel.is_some()
                && query.filter.user_id.is_some()
        );
        let none = parse("").expect("valid");
        assert_eq!((none.limit, none.has_limit), (50, false));
        assert_eq!(none.order, ListOrder::Searched(None));
    }

    #[test]
    fn the_query_of_what_was_sent_is_read() {
        let query = parse(
            "order=sent&status=processed&type=sms&category=news&sender=shop&sentAfter=2026-11-01T00:00:00Z&sentBefore=2026-12-01T01:00:00%2B01:00&cursor=1767225600000000~9fc81fddfc9c49e39df1a36df7e1ec5a",
        )
        .expect("valid");
        assert!(matches!(query.order, ListOrder::Sent(Some(_))));
        assert_eq!(query.filter.sender.as_deref(), Some("shop"));
        assert_eq!(query.filter.category.as_deref(), Some("news"));
        assert!(query.filter.processed_from < query.filter.processed_before);
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let wrong = "limit=0&limit=5&status=lost&type=pigeon&targetUserId=7&cursor=x&offset=3&order=oldest&sentAfter=today&sender=";
        assert_eq!(
            parse(wrong).expect_err("all wrong"),
            [
                "limit",
                "limit",
                "status",
                "type",
                "targetUserId",
                "cursor",
                "offset",
                "order",
                "sentAfter",
                "sender"
            ]
        );
    }

    #[test]
    fn parameters_that_contradict_each_other_are_refused() {
        let id = "9fc81fddfc9c49e39df1a36df7e1ec5a";
        let times = "sentAfter=2026-11-01T00:00:00Z&sentBefore=2026-11-01T00:00:00Z";
        for (query, wrong) in [
            (times.to_owned(), &["sentAfter", "sentBefore"][..]),
            (
                "order=sent&status=failed&type=in-app".to_owned(),
                &["status", "type"],
            ),
            (format!("order=sent&cursor={id}"), &["cursor"]),
            (
                "order=sent&template=welcome&createdTo=2026-11-01T00:00:00Z".to_owned(),
                &["template", "createdTo"],
            ),
            (format!("cursor=1~{id}"), &["cursor"]),
        ] {
            assert_eq!(parse(&query).expect_err("wrong"), wrong, "{query}");
        }
        let csv = NotificationQuery::parse("", true).expect_err("no CSV");
        assert_eq!(fields(&csv), ["order"]);
        assert!(NotificationQuery::parse("order=sent", true).is_ok());
    }

    #[test]
    fn the_filters_of_operators_are_read() {
        let query = parse(
            "template=welcome&reason=provider_rejected&host=B%C3%BCcher.example.&reference=SM1&messageId=9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a&createdFrom=2026-11-01T00:00:00Z&createdTo=2026-12-01T00:00:00Z",
        )
        .expect("valid");
        let filter = query.filter;
        assert_eq!(filter.host.as_deref(), Some("xn--bcher-kva.example"));
        assert_eq!(filter.template.as_deref(), Some("welcome"));
        assert_eq!(filter.reason.as_deref(), Some("provider_rejected"));
        assert_eq!(filter.reference.as_deref(), Some("SM1"));
        assert!(filter.message_id.is_some() && filter.created_from < filter.created_before);
        let wrong = parse("host=a/b&messageId=7&createdFrom=now").expect_err("wrong");
        assert_eq!(wrong, ["host", "messageId", "createdFrom"]);
    }

    #[test]
    fn limits_out_of_range_are_refused() {
        for limit in ["0", "201", "-1", "1.5", "", "all"] {
            assert!(parse(&format!("limit={limit}")).is_err(), "{limit}");
        }
    }
}
