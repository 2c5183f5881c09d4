//! Parses query strings strictly: one error reports everything that is wrong, unknown and repeated parameters
//! included.

use std::fmt::Display;
use std::str::FromStr;

use actix_web::web::Query;

use crate::error::{ApiError, ErrorDetail};
use crate::json_body::shown;

/// The default length of a page.
const DEFAULT_LIMIT: u32 = 50;

/// The maximum length of a page.
pub const MAX_LIMIT: u32 = 200;

/// The maximum number of parameters: more than any endpoint has.
const MAX_PARAMETERS: usize = 20;

/// Passes the name and value of every parameter to `read_parameter`. The function adds what is wrong with the
/// value to the details, and returns whether the parameter exists.
///
/// # Errors
///
/// Returns 400 with everything that is wrong.
pub fn read(
    query: &str,
    mut read_parameter: impl FnMut(&str, &str, &mut Vec<ErrorDetail>) -> bool,
) -> Result<(), ApiError> {
    let unreadable = |_| {
        ApiError::bad_request(
            "invalid_query",
            "The query string cannot be read",
            Vec::new(),
        )
    };
    let Query(pairs) = Query::<Vec<(String, String)>>::from_query(query).map_err(unreadable)?;
    if pairs.len() > MAX_PARAMETERS {
        let message = format!("At most {MAX_PARAMETERS} query parameters are taken");
        return Err(ApiError::bad_request("invalid_query", message, Vec::new()));
    }
    let mut problems = Vec::new();
    for (place, (name, value)) in pairs.iter().enumerate() {
        if pairs[..place].iter().any(|(earlier, _)| earlier == name) {
            problems.push(ErrorDetail::new(shown(name), "is given more than once"));
        } else if !read_parameter(name, value, &mut problems) {
            problems.push(ErrorDetail::new(
                shown(name),
                "is not a parameter of this path",
            ));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(invalid(problems))
    }
}

/// The 400 for parameters with these problems.
pub fn invalid(problems: Vec<ErrorDetail>) -> ApiError {
    let names: Vec<&str> = problems
        .iter()
        .take(10)
        .map(|problem| problem.field.as_str())
        .collect();
    let message = format!("Invalid query parameters: {}", names.join(", "));
    ApiError::bad_request("invalid_query", message, problems)
}

/// Parses a value. If the value is wrong, adds `message` to the problems, or the message of the type's error.
pub fn value<T: FromStr<Err: Display>>(
    problems: &mut Vec<ErrorDetail>,
    name: &str,
    value: &str,
    message: Option<&str>,
) -> Option<T> {
    let problem = |error: T::Err| message.map_or_else(|| error.to_string(), str::to_owned);
    value
        .parse()
        .map_err(|error| problems.push(ErrorDetail::new(name, problem(error))))
        .ok()
}

/// Reads a text to compare with: 1 to 255 characters, none of them a control character, which no row contains.
pub fn text(problems: &mut Vec<ErrorDetail>, name: &str, value: &str) -> Option<String> {
    let is_valid = (1..=255).contains(&value.chars().count()) && !value.contains(char::is_control);
    if !is_valid {
        let message = "must have 1 to 255 characters and no control characters";
        problems.push(ErrorDetail::new(name, message));
    }
    is_valid.then(|| value.to_owned())
}

/// Parses the length of a page.
fn limit(problems: &mut Vec<ErrorDetail>, value: &str) -> u32 {
    match value.parse() {
        Ok(number) if (1..=MAX_LIMIT).contains(&number) => number,
        _ => {
            let range = format!("must be a whole number from 1 to {MAX_LIMIT}");
            problems.push(ErrorDetail::new("limit", range));
            DEFAULT_LIMIT
        }
    }
}

/// The start and the maximum length of a page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest<C> {
    /// The `cursor`; `None` is the first page.
    pub after: Option<C>,
    /// The `limit`.
    pub limit: u32,
}

impl<C: FromStr<Err: Display>> PageRequest<C> {
    /// The first page, with the default length.
    pub const fn first() -> Self {
        Self {
            after: None,
            limit: DEFAULT_LIMIT,
        }
    }

    /// Parses a query string that has no other parameters than `limit` and `cursor`.
    ///
    /// # Errors
    ///
    /// Returns 400 with everything that is wrong.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let mut page = Self::first();
        read(query, |name, value, problems| {
            page.read_parameter(name, value, problems)
        })?;
        Ok(page)
    }

    /// Reads the parameter if it is `limit` or `cursor`, and returns whether it is.
    pub fn read_parameter(
        &mut self,
        name: &str,
        text: &str,
        problems: &mut Vec<ErrorDetail>,
    ) -> bool {
        match name {
            "cursor" => self.after = value(problems, name, text, None),
            "limit" => self.limit = limit(problems, text),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use tidings_db::templates::TemplateCursor;

    use super::*;

    #[test]
    fn a_page_is_read() {
        let parse = PageRequest::<TemplateCursor>::parse;
        let page = parse("limit=200&cursor=welcome~email~de").expect("valid");
        let cursor = page.after.map(|cursor| cursor.to_string());
        assert_eq!(
            (cursor.as_deref(), page.limit),
            (Some("welcome~email~de"), 200)
        );
        assert_eq!(parse("").expect("valid"), PageRequest::first());
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let error =
            PageRequest::<TemplateCursor>::parse("limit=0&cursor=x&offset=3&limit=5&limit=6")
                .expect_err("wrong");
        let fields: Vec<_> = error.details.iter().map(|d| d.field.as_str()).collect();
        assert_eq!(fields, ["limit", "cursor", "offset", "limit", "limit"]);
    }
}
