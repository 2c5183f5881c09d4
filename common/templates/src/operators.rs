//! Operators that count their cost.

use std::sync::{Arc, LazyLock};

use minijinja::value::Rest;
use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior, Value, context};

use super::meter::Meter;
use super::numbers::{computable, printable};

/// The operators of the engine, which a metered operator calls after it has counted the cost.
static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::empty();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine
});

/// An operator whose cost depends on the length of its operands. In a rewritten template it is a filter with a name that
/// is not valid in a template source.
pub(super) struct Operator {
    pub(super) filter: &'static str,
    apply: Expression<'static, 'static>,
    /// Converts exact numbers in the operands.
    operand: fn(&Value) -> Value,
    /// The cost of the result in addition to that of the operands.
    extra: fn(&Value, &Value) -> u64,
}

/// All operators, with the operands a, b, c and d.
static OPERATORS: LazyLock<Vec<Operator>> = LazyLock::new(|| {
    let plain: [(&str, &str); 16] = [
        ("~add", "a + b"),
        ("~sub", "a - b"),
        ("~div", "a / b"),
        ("~intdiv", "a // b"),
        ("~rem", "a % b"),
        ("~pow", "a ** b"),
        ("~concat", "a ~ b"),
        ("~eq", "a == b"),
        ("~ne", "a != b"),
        ("~gt", "a > b"),
        ("~gte", "a >= b"),
        ("~lt", "a < b"),
        ("~lte", "a <= b"),
        ("~in", "a in b"),
        ("~item", "a[b]"),
        ("~slice", "a[b:c:d]"),
    ];
    let plain = plain
        .into_iter()
        .map(|(filter, source)| operator(filter, source, |_, _| 0));
    plain.chain([operator("~mul", "a * b", repeated)]).collect()
});

#[expect(
    clippy::expect_used,
    reason = "a start-up invariant: the expressions are constants"
)]
fn operator(
    filter: &'static str,
    source: &'static str,
    extra: fn(&Value, &Value) -> u64,
) -> Operator {
    Operator {
        filter,
        apply: ENGINE.compile_expression(source).expect("an expression"),
        operand: match filter {
            "~concat" => printable,
            // An item of a list keeps its digits.
            "~item" | "~slice" => Value::clone,
            _ => computable,
        },
        extra,
    }
}

/// The cost of repeating a text or a list.
fn repeated(a: &Value, b: &Value) -> u64 {
    let times = |value: &Value| value.as_usize().unwrap_or(0);
    let size = |value: &Value| match value.as_str() {
        Some(text) => text.len(),
        None if value.is_number() => 0,
        None => value.len().unwrap_or(0).saturating_mul(16),
    };
    let cost = size(a)
        .saturating_mul(times(b))
        .max(size(b).saturating_mul(times(a)));
    u64::try_from(cost).unwrap_or(u64::MAX)
}

/// Registers the operators in the environment of one message.
pub(super) fn register(environment: &mut Environment<'_>, meter: &Arc<Meter>) {
    for operator in OPERATORS.iter() {
        let meter = Arc::clone(meter);
        environment.add_filter(
            operator.filter,
            move |a: &Value, b: &Value, bounds: Rest<Value>| {
                let unbounded = Value::from(());
                let c = bounds.first().unwrap_or(&unbounded);
                let d = bounds.get(1).unwrap_or(&unbounded);
                for operand in [a, b, c, d] {
                    meter.weigh(operand)?;
                }
                let operands = [a, b, c, d].map(operator.operand);
                let [a, b, c, d] = operands.each_ref();
                meter.charge((operator.extra)(a, b))?;
                let result = operator.apply.eval(context! { a, b, c, d });
                meter.counted(result.map_err(|error| without_inner_position(&error, [a, b, c, d]))?)
            },
        );
    }
    let scalar = |value: &Value| -> Result<Value, Error> {
        let value = computable(value);
        // A namespace that contains itself would print forever.
        if value.as_object().is_some() {
            let message = "a namespace's members can be set to texts and numbers alone";
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
        Ok(value)
    };
    environment.add_filter("~scalar", scalar);
    environment.add_filter("~number", computable);
    let weighed = Arc::clone(meter);
    environment.add_filter("~weighed", move |value: &Value| {
        weighed.weigh(value).map(|_| value.clone())
    });
}

/// The error of the engine without its position in the expression of the operator, so that it gets the position in
/// the template.
fn without_inner_position(error: &Error, operands: [&Value; 4]) -> Error {
    // An undefined value knows its position in the template, and adds the position to this error.
    let undefined = operands.into_iter().find(|value| value.is_undefined());
    if let Some(undefined) = undefined
        && let Err(error) = undefined.get_attr("")
    {
        return error;
    }
    match error.detail() {
        Some(detail) => Error::new(error.kind(), detail.to_owned()),
        None => error.kind().into(),
    }
}
