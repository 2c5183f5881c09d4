use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{TemplateSource, check, render};
use super::object;

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "for x in a",
        "endfor",
        "if b",
        "elif c",
        "else",
        "endif",
        "set d = ",
        "macro m(x)",
        "endmacro",
        "m(1)",
        "a",
        "b.c",
        "x",
        "|upper",
        "|join(",
        ")",
        "(",
        "[",
        "]",
        "'s'",
        "1",
        "9999999999999999999999",
        "1.5",
        " + ",
        " * ",
        " ~ ",
        " in ",
        " is ",
        "defined",
        "not ",
        "loop.index",
        "loop(x)",
        "|default('z')",
        "|format(",
        ", ",
        "**",
        "==",
        "-",
        "\n",
        "{# ",
        " #}",
        "ä",
        "a[0]",
        "a[1:]",
        "{'k': ",
        "}",
        "|round(",
        "|batch(",
        "|slice(",
        "%",
        "range(",
        "namespace(",
        "raw",
        "endraw",
        "call m()",
        "endcall",
        "filter upper",
        "endfilter",
        "autoescape",
        "|sort",
        "|map(",
        "recursive",
        "{{ a }}",
        "{{ b.c }}",
    ]);
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn arbitrary_templates_and_variables_are_never_a_panic(
        subject in pieces(), text in ".*", html in pieces(), a in values(), b in values(), x in values(),
    ) {
        let source = TemplateSource { subject: Some(&subject), text: &text, html: Some(&html) };
        let checked = check(source);
        let rendered = render(source, &object(json!({"a": a, "b": b, "x": x, "c": 1})));
        if let Err(error) = checked {
            prop_assert_eq!(error.problem.code(), "syntax_error");
            prop_assert!(rendered.is_err());
        } else if let Err(error) = rendered {
            prop_assert_ne!(error.problem.code(), "syntax_error");
        }
    }
}
