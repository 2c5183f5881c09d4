//! The filters, tests and functions for templates.

use std::sync::Arc;

use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value, filters, functions, tests};

use super::cost::CostClass;
use super::escape;
use super::meter::Meter;
use super::numbers::computable;

/// Declares the available filters.
macro_rules! filters {
    ($($name:literal $cost:ident $function:expr;)*) => {
        /// Whether templates may use this filter.
        pub(super) fn is_filter(name: &str) -> bool {
            matches!(name, $($name)|*)
        }

        fn register_filters(environment: &mut Environment<'_>, meter: &Arc<Meter>) {
            $(environment.add_filter($name, metered(CostClass::$cost, Value::from_function($function), computes($name), meter));)*
        }
    };
}

/// Whether a filter computes with numbers, and so needs those of the engine. Other filters keep the digits of exact
/// numbers.
fn computes(filter: &str) -> bool {
    let all = [
        "abs", "batch", "bool", "dictsort", "float", "format", "groupby", "indent", "int", "max",
        "min", "round", "slice", "sort", "sum", "tojson", "unique",
    ];
    all.contains(&filter)
}

filters! {
    "abs" Text filters::abs;
    "attr" Text filters::attr;
    "batch" Fill filters::batch;
    "bool" Text filters::bool;
    "capitalize" Text filters::capitalize;
    "count" Text filters::length;
    "d" Any filters::default;
    "default" Any filters::default;
    "dictsort" Order filters::dictsort;
    "e" Text escape::filter;
    "escape" Text escape::filter;
    "first" Text filters::first;
    "float" Text filters::float;
    "format" Format filters::format;
    "groupby" Order filters::groupby;
    "indent" Indent filters::indent;
    "int" Text filters::int;
    "items" List filters::items;
    "join" Join filters::join;
    "last" Text filters::last;
    "length" Text filters::length;
    "lines" List filters::lines;
    "list" List filters::list;
    "lower" Text filters::lower;
    "map" List filters::map;
    "max" Order filters::max;
    "min" Order filters::min;
    "reject" List filters::reject;
    "rejectattr" List filters::rejectattr;
    "replace" Replace filters::replace;
    "reverse" List filters::reverse;
    "round" Text filters::round;
    "safe" Text filters::safe;
    "select" List filters::select;
    "selectattr" List filters::selectattr;
    "slice" Fill filters::slice;
    "sort" Order filters::sort;
    "split" List filters::split;
    "string" Text filters::string;
    "sum" Sum filters::sum;
    "title" Text filters::title;
    "tojson" Json filters::tojson;
    "trim" Text filters::trim;
    "unique" Order filters::unique;
    "upper" Text filters::upper;
    "urlencode" Text filters::urlencode;
}

/// Declares the available tests.
macro_rules! tests {
    ($($name:literal $cost:ident $function:expr;)*) => {
        /// Whether templates may use this test.
        pub(super) fn is_test(name: &str) -> bool {
            matches!(name, $($name)|*)
        }

        fn register_tests(environment: &mut Environment<'_>, meter: &Arc<Meter>) {
            $(environment.add_test($name, metered(CostClass::$cost, Value::from_function($function), true, meter));)*
        }
    };
}

tests! {
    "undefined" Any tests::is_undefined;
    "defined" Any tests::is_defined;
    "none" Text tests::is_none;
    "boolean" Text tests::is_boolean;
    "odd" Text tests::is_odd;
    "even" Text tests::is_even;
    "divisibleby" Text tests::is_divisibleby;
    "number" Text tests::is_number;
    "integer" Text tests::is_integer;
    "int" Text tests::is_integer;
    "float" Text tests::is_float;
    "string" Text tests::is_string;
    "sequence" Text tests::is_sequence;
    "iterable" Text tests::is_iterable;
    "mapping" Text tests::is_mapping;
    "startingwith" Text tests::is_startingwith;
    "endingwith" Text tests::is_endingwith;
    "true" Text tests::is_true;
    "false" Text tests::is_false;
    "eq" Text tests::is_eq;
    "equalto" Text tests::is_eq;
    "==" Text tests::is_eq;
    "ne" Text tests::is_ne;
    "!=" Text tests::is_ne;
    "lt" Text tests::is_lt;
    "lessthan" Text tests::is_lt;
    "<" Text tests::is_lt;
    "le" Text tests::is_le;
    "<=" Text tests::is_le;
    "gt" Text tests::is_gt;
    "greaterthan" Text tests::is_gt;
    ">" Text tests::is_gt;
    "ge" Text tests::is_ge;
    ">=" Text tests::is_ge;
    "in" Text tests::is_in;
}

/// Registers the filters, tests and functions in the environment of one message.
pub(super) fn register(environment: &mut Environment<'_>, meter: &Arc<Meter>) {
    register_filters(environment, meter);
    register_tests(environment, meter);
    for (name, function) in [
        ("range", Value::from_function(functions::range)),
        ("dict", Value::from_function(functions::dict)),
        ("namespace", Value::from_function(functions::namespace)),
    ] {
        environment.add_function(name, metered(CostClass::Text, function, true, meter));
    }
}

/// Wraps `function` to count the cost of its arguments and its result, and to refuse missing variables. A function that
/// `computes` gets numbers of the engine.
fn metered(
    work: CostClass,
    function: Value,
    computes: bool,
    meter: &Arc<Meter>,
) -> impl Fn(&mut State, Rest<ValueOrKwargs>) -> Result<Value, Error> + Send + Sync + 'static {
    let meter = Arc::clone(meter);
    move |state: &mut State, arguments: Rest<ValueOrKwargs>| {
        let mut arguments = arguments.into_values();
        let mut weight = 0;
        for argument in &arguments {
            if !matches!(work, CostClass::Any) && argument.is_undefined() {
                // Some filters of the engine treat it as an empty list. This error contains its name.
                argument.get_attr("")?;
            }
            weight += meter.weigh(argument)?;
        }
        if computes {
            arguments = arguments.iter().map(computable).collect();
        }
        meter.charge(work.cost(weight, &arguments)?)?;
        meter.counted(function.call(state, &arguments)?)
    }
}
