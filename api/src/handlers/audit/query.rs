use jiff::Timestamp;
use tidings_db::audit::AuditFilter;
use tidings_db::notifications::IdCursor;

use crate::error::{ApiError, ErrorDetail};
use crate::query::{self, PageRequest};

const TIME: &str = "must be a time with offset (RFC 3339), such as 2027-03-28T09:00:00Z";

/// The validated query.
#[derive(Debug)]
pub(super) struct AuditQuery {
    pub filter: AuditFilter,
    pub page: PageRequest<IdCursor>,
}

impl AuditQuery {
    /// Parses a query string.
    ///
    /// # Errors
    ///
    /// Returns 400 with everything that is wrong, unknown and repeated parameters included.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let mut filter = AuditFilter::default();
        let mut page = PageRequest::first();
        query::read(text, |name, value, problems| {
            match name {
                "action" => filter.action = query::value(problems, name, value, None),
                "actor" => filter.actor = query::text(problems, name, value),
                "target" => filter.target = query::text(problems, name, value),
                "from" => filter.from = time(problems, name, value),
                "to" => filter.to = time(problems, name, value),
                _ => return page.read_parameter(name, value, problems),
            }
            true
        })?;
        Ok(Self { filter, page })
    }
}

fn time(problems: &mut Vec<ErrorDetail>, name: &str, value: &str) -> Option<Timestamp> {
    query::value(problems, name, value, Some(TIME))
}

#[cfg(test)]
mod tests {
    use tidings_db::audit::Action;

    use super::*;

    #[test]
    fn every_filter_is_read() {
        let text = "action=sending.stop&actor=billing&target=*&limit=7\
                    &from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00%2B01:00";
        let AuditQuery { filter, page } = AuditQuery::parse(text).expect("valid");
        assert_eq!(filter.action, Some(Action::SendingStop));
        assert_eq!(filter.actor.as_deref(), Some("billing"));
        assert_eq!(filter.target.as_deref(), Some("*"));
        assert_eq!(filter.from, "2026-11-01T00:00:00Z".parse().ok());
        assert_eq!(filter.to, "2026-11-30T23:00:00Z".parse().ok());
        assert_eq!(page.limit, 7);
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let text = "action=stop&actor=&target=%00&from=yesterday&to=2026&cursor=x&page=2";
        let error = AuditQuery::parse(text).expect_err("wrong");
        let fields: Vec<_> = error.details.iter().map(|d| d.field.as_str()).collect();
        let wrong = ["action", "actor", "target", "from", "to", "cursor", "page"];
        assert_eq!(fields, wrong);
    }
}
