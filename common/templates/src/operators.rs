use std::sync::{Arc, LazyLock};

use minijinja::value::Rest;
use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior, Value, context};

use super::meter::Meter;

/// The engine's own operators, which a metered one calls once it has counted.
static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::empty();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine
});

/// An operator whose work depends on how long its operands are. In a compiled template each is a filter
/// of the name given here, which no author can write.
pub(super) struct Operator {
    pub(super) filter: &'static str,
    apply: Expression<'static, 'static>,
    /// What the result costs beside the operands.
    extra: fn(&Value, &Value) -> u64,
}

/// All operators, each with its operands by the names a, b, c and d.
static OPERATORS: LazyLock<Vec<Operator>> = LazyLock::new(|| {
    let plain: [(&str, &str); 11] = [
        ("~add", "a + b"),
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
        extra,
    }
}

/// What repeating a text or a list costs.
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

/// Puts the operators into the environment of one message.
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
                meter.charge((operator.extra)(a, b))?;
                let result = operator.apply.eval(context! { a, b, c, d });
                meter.settled(result.map_err(|error| at_the_operator(&error, [a, b, c, d]))?)
            },
        );
    }
    let scalar = |value: &Value| -> Result<Value, Error> {
        // A namespace that held another, or itself, could be printed without end.
        if value.as_object().is_some() {
            let message = "a namespace's members can be set to texts and numbers alone";
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
        Ok(value.clone())
    };
    environment.add_filter("~scalar", scalar);
    let weighed = Arc::clone(meter);
    environment.add_filter("~weighed", move |value: &Value| {
        weighed.weigh(value).map(|_| value.clone())
    });
}

/// The engine's error without the place in our own expression, so that it takes the template's.
fn at_the_operator(error: &Error, operands: [&Value; 4]) -> Error {
    // An undefined value knows where in the template it came from, and passes that on to this error.
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
