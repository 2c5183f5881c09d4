//! The cost of filters.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use super::meter::text_len;

/// The largest width or count that a filter accepts.
const MAX_NUMBER: u64 = 1000;

/// The cost class of a filter: its cost in addition to that of its arguments and its result.
#[derive(Clone, Copy)]
pub(super) enum CostClass {
    /// Accepts missing variables; no additional cost.
    Any,
    /// Refuses missing variables; no additional cost.
    Text,
    /// Splits a text into characters, each of which becomes a value.
    List,
    /// Sorts or compares the values.
    Order,
    /// `text|replace(from, to)`
    Replace,
    /// `list|join(text)`
    Join,
    /// `text|indent(width)`
    Indent,
    /// `text|format(…)`
    Format,
    /// `list|batch(count, filler)` and `list|slice(count, filler)`
    Fill,
    /// `list|sum(attribute, start)`
    Sum,
    /// `value|tojson`
    Json,
}

impl CostClass {
    /// The cost of a call with arguments of the cost `weight`.
    ///
    /// # Errors
    ///
    /// Returns an error for arguments that are useful only to create cost.
    pub(super) fn cost(self, weight: u64, arguments: &[Value]) -> Result<u64, Error> {
        let text = |place: usize| arguments.get(place).map_or(0, text_len);
        let spread = text(0).saturating_mul(24);
        Ok(match self {
            Self::Any | Self::Text => 0,
            Self::List => spread,
            Self::Order => spread.saturating_add(weight.saturating_mul(8)),
            Self::Replace => {
                let places = text(0) / text(1).max(1) + 1;
                places.saturating_mul(text(2))
            }
            Self::Join => {
                let items = arguments.first().and_then(Value::len).unwrap_or(0);
                as_u64(items).saturating_mul(text(1)).saturating_add(spread)
            }
            Self::Indent => {
                let lines = count(arguments, b'\n') + 1;
                lines.saturating_mul(largest_number(arguments)?)
            }
            Self::Format => {
                check_widths(arguments)?;
                count(arguments, b'%').saturating_mul(MAX_NUMBER)
            }
            Self::Fill => {
                let groups = largest_number(arguments)?;
                groups.saturating_mul(weight).saturating_add(spread)
            }
            Self::Sum => {
                // Adding texts or lists copies the whole sum each time.
                let start = options(arguments, "start").or_else(|| arguments.get(2).cloned());
                if start.is_some_and(|start| !start.is_number() && !start.is_kwargs()) {
                    return Err(refused("sum adds numbers alone"));
                }
                spread
            }
            Self::Json => {
                if arguments.len() > 1 {
                    return Err(refused("tojson takes no arguments"));
                }
                0
            }
        })
    }
}

fn refused(message: &'static str) -> Error {
    Error::new(ErrorKind::TooManyArguments, message)
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Occurrences of `byte` in the text argument.
fn count(arguments: &[Value], byte: u8) -> u64 {
    let text = arguments
        .first()
        .and_then(Value::as_str)
        .unwrap_or_default();
    as_u64(text.bytes().filter(|found| *found == byte).count())
}

/// A named argument.
fn options(arguments: &[Value], name: &str) -> Option<Value> {
    let named = arguments.last().filter(|value| value.is_kwargs())?;
    named
        .get_attr(name)
        .ok()
        .filter(|value| !value.is_undefined())
}

/// The largest number among the arguments, including named ones. Fails if a number is too large.
fn largest_number(arguments: &[Value]) -> Result<u64, Error> {
    let mut largest = 4;
    for argument in arguments.iter().skip(1) {
        let named = argument
            .is_kwargs()
            .then(|| argument.try_iter())
            .transpose()?;
        let named = named.into_iter().flatten();
        let values = named.filter_map(|name| argument.get_item(&name).ok());
        for value in values.chain([argument.clone()]) {
            if value.kind() == ValueKind::Number {
                let number = value.as_usize().map_or(u64::MAX, as_u64);
                largest = largest.max(number);
            }
        }
    }
    if largest > MAX_NUMBER {
        return Err(ErrorKind::OutOfFuel.into());
    }
    Ok(largest)
}

/// Refuses a format with a width or precision that is too large or is an argument (`*`), and a format with named values,
/// because a name can contain both.
fn check_widths(arguments: &[Value]) -> Result<(), Error> {
    let format = arguments
        .first()
        .and_then(Value::as_str)
        .unwrap_or_default();
    let format = format.replace("%%", "");
    for conversion in format.split('%').skip(1) {
        let end = conversion.find(|c: char| !"-+ #.*0123456789".contains(c));
        let widths = &conversion[..end.unwrap_or(conversion.len())];
        if widths.contains('*') || conversion.starts_with('(') {
            return Err(refused(
                "format takes its values in order, and widths as numbers",
            ));
        }
        let mut numbers = widths.split(|c: char| !c.is_ascii_digit());
        if numbers.any(|digits| digits.len() > 3) {
            return Err(ErrorKind::OutOfFuel.into());
        }
    }
    Ok(())
}
