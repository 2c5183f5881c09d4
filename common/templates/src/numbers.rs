//! Numbers in variables.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{DynObject, Object as EngineObject, ObjectRepr, ValueKind};
use tidings_domain::content::{Json, JsonNumber, Object};

/// Converts variables to values of the engine. Every number prints with the digits that it has in the table.
pub(super) fn variables(object: &Object) -> Value {
    let members = object.iter();
    let members = members.map(|(name, value)| (name.as_str(), converted(value)));
    Value::from(members.collect::<BTreeMap<_, _>>())
}

fn converted(value: &Json) -> Value {
    match value {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(value) => number(value),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(converted).collect(),
        Json::Object(members) => variables(members),
    }
}

fn number(number: &JsonNumber) -> Value {
    let digits = number.as_str();
    if let Ok(integer) = digits.parse::<i64>() {
        return Value::from(integer);
    }
    if let Ok(integer) = digits.parse::<i128>() {
        return Value::from(integer);
    }
    // Never fails: the digits are those of a number.
    let float = digits.parse::<f64>().unwrap_or(f64::NAN);
    let value = Value::from(float);
    if value.to_string() == digits {
        return value;
    }
    Value::from_object(ExactNumber {
        digits: digits.to_owned(),
        float,
    })
}

/// A number whose digits a number of the engine does not keep, such as `10.10`. Prints its digits; everything that
/// computes gets the nearest number of the engine from [`computable`].
#[derive(Debug)]
struct ExactNumber {
    digits: String,
    float: f64,
}

impl EngineObject for ExactNumber {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.float != 0.0
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        self.float.partial_cmp(&other.float)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digits)
    }
}

/// The number of digits of an exact number; 0 for other values.
pub(super) fn exact_digits(value: &Value) -> usize {
    value
        .downcast_object_ref::<ExactNumber>()
        .map_or(0, |number| number.digits.len())
}

/// The value with numbers of the engine in place of exact numbers, at every depth.
pub(super) fn computable(value: &Value) -> Value {
    replaced(value).unwrap_or_else(|| value.clone())
}

/// The digits of an exact number as a text, and every other value unchanged.
pub(super) fn printable(value: &Value) -> Value {
    value.downcast_object_ref::<ExactNumber>().map_or_else(
        || value.clone(),
        |number| Value::from(number.digits.as_str()),
    )
}

/// `None` if the value contains no exact number.
fn replaced(value: &Value) -> Option<Value> {
    if let Some(number) = value.downcast_object_ref::<ExactNumber>() {
        return Some(Value::from(number.float));
    }
    match value.kind() {
        ValueKind::Seq => {
            let items: Vec<Value> = value.try_iter().ok()?.collect();
            let new: Vec<Option<Value>> = items.iter().map(replaced).collect();
            new.iter().any(Option::is_some).then(|| {
                let all = new.into_iter().zip(items);
                all.map(|(new, old)| new.unwrap_or(old)).collect()
            })
        }
        ValueKind::Map => {
            let keys: Vec<Value> = value.try_iter().ok()?.collect();
            let old: Vec<Value> = keys
                .iter()
                .map(|key| value.get_item(key).unwrap_or_default())
                .collect();
            let new: Vec<Option<Value>> = old.iter().map(replaced).collect();
            new.iter().any(Option::is_some).then(|| {
                let values = new.into_iter().zip(old);
                let values = values.map(|(new, old)| new.unwrap_or(old));
                Value::from(keys.into_iter().zip(values).collect::<BTreeMap<_, _>>())
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TemplateSource, render};
    use super::*;

    fn rendered(source: &str, variables: &str) -> String {
        let source = TemplateSource {
            subject: None,
            text: source,
            html: None,
        };
        let variables = Json::object(variables).expect("JSON");
        render(source, &variables).expect("rendered").text
    }

    #[test]
    fn numbers_print_with_the_digits_of_the_table() {
        for (spelled, shown) in [
            ("1e3", "1000"),
            ("1000.0", "1000.0"),
            ("-0", "0"),
            ("-1E+18", "-1000000000000000000"),
            ("1e19", "10000000000000000000"),
            ("1.0e+25", "10000000000000000000000000"),
            ("18446744073709551616", "18446744073709551616"),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            (
                "1234567890123456789012345678901234567890",
                "1234567890123456789012345678901234567890",
            ),
            ("10.10", "10.10"),
            ("15e-1", "1.5"),
            (
                "0.1000000000000000055511151231257827",
                "0.1000000000000000055511151231257827",
            ),
            ("9007199254740993", "9007199254740993"),
        ] {
            let variables = format!(r#"{{"a": [{{"b": {spelled}}}]}}"#);
            for source in [
                "{{ a[0].b }}",
                "{% for x in a %}{{ x.b }}{% endfor %}",
                "{{ a[0].b ~ '' }}",
                "{{ a[0].b|string }}",
                "{{ a[0].b|default(7) }}",
                "{{ a|map(attribute='b')|join(', ') }}",
            ] {
                assert_eq!(rendered(source, &variables), shown, "{source} {spelled}");
            }
        }
    }

    /// A number may have thousands of digits, and a loop may print it often.
    #[test]
    fn long_numbers_count_as_long_texts() {
        let variables = format!(r#"{{"n": 0.{}1}}"#, "0".repeat(16_000));
        let source = TemplateSource {
            subject: None,
            text: "{% for i in range(20000) %}{{ n }}{% endfor %}",
            html: None,
        };
        let error = render(source, &Json::object(&variables).expect("JSON"));
        assert_eq!(error.expect_err("too much").problem.code(), "too_costly");
    }

    #[test]
    fn numbers_can_be_computed_with() {
        let variables = r#"{"p": 10.10, "q": 2, "all": [10.10, 9, 2.50], "lines": [{"p": 2.50}, {"p": 10.10}]}"#;
        for (source, shown) in [
            ("{{ p + 1 }}", "11.1"),
            ("{{ p - 1.1 }}", "9.0"),
            ("{{ p * q }}", "20.2"),
            ("{{ p / q }}", "5.05"),
            ("{{ p // q }}", "5.0"),
            ("{{ -p }}", "-10.1"),
            ("{{ p > 9 and p < 11 and p == 10.1 and p != 3 }}", "True"),
            ("{{ p in all and 10.1 in all }}", "True"),
            ("{{ 'yes' if p else 'no' }}", "yes"),
            ("{{ p|round(1) }}", "10.1"),
            ("{{ p|int }}", "10"),
            ("{{ '%.2f'|format(p) }}", "10.10"),
            (
                "{{ all|max }} {{ all|min }} {{ all|sort|join(' ') }}",
                "10.1 2.5 2.5 9 10.1",
            ),
            ("{{ lines|sum(attribute='p') }}", "12.6"),
            ("{{ lines|selectattr('p', 'gt', 9)|list|length }}", "1"),
            ("{{ p is number }}", "True"),
            ("{{ {'price': p}|tojson }}", r#"{"price": 10.1}"#),
        ] {
            assert_eq!(rendered(source, variables), shown, "{source}");
        }
    }
}
