//! Query strings, read strictly: everything that is wrong is reported at once, unknown and repeated
//! parameters included.

use std::fmt::Display;
use std::str::FromStr;

use actix_web::web::Query;

use crate::error::{ApiError, Detail};

/// How much a page has where the caller does not say.
pub const DEFAULT_LIMIT: u32 = 50;

/// The longest page.
const MAX_LIMIT: u32 = 200;

/// More parameters than there are names for.
const MAX_PARAMETERS: usize = 20;

/// Hands every parameter's name and value to `take`, which notes what is wrong with it and returns
/// whether it knows the name.
///
/// # Errors
///
/// 400 with everything that is wrong.
pub fn read(
    query: &str,
    mut take: impl FnMut(&str, &str, &mut Vec<Detail>) -> bool,
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
            problems.push(Detail::new(shown(name), "is given more than once"));
        } else if !take(name, value, &mut problems) {
            problems.push(Detail::new(shown(name), "is not a parameter of this path"));
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = problems
        .iter()
        .take(10)
        .map(|problem| problem.field.as_str())
        .collect();
    let message = format!("Invalid query parameters: {}", names.join(", "));
    Err(ApiError::bad_request("invalid_query", message, problems))
}

/// Reads a value; where it is wrong, says so in `words` or in those of its type.
pub fn value<T: FromStr<Err: Display>>(
    problems: &mut Vec<Detail>,
    name: &str,
    value: &str,
    words: Option<&str>,
) -> Option<T> {
    let problem = |error: T::Err| words.map_or_else(|| error.to_string(), str::to_owned);
    value
        .parse()
        .map_err(|error| problems.push(Detail::new(name, problem(error))))
        .ok()
}

/// Reads a page's length.
pub fn limit(problems: &mut Vec<Detail>, value: &str) -> u32 {
    match value.parse() {
        Ok(number) if (1..=MAX_LIMIT).contains(&number) => number,
        _ => {
            let range = format!("must be a whole number from 1 to {MAX_LIMIT}");
            problems.push(Detail::new("limit", range));
            DEFAULT_LIMIT
        }
    }
}

fn shown(name: &str) -> String {
    name.chars().take(100).collect()
}
