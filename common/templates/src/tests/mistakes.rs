use serde_json::json;

use super::super::{TemplatePart, TemplateProblem, TemplateSource, check, render};
use super::{object, problem, text};

#[test]
fn a_missing_variable_is_named_however_it_is_used() {
    for (source, name) in [
        ("{{ name }}", "name"),
        ("{{ order.number }}", "order.number"),
        ("{{ order.address.city }}", "order.address"),
        ("{{ order['number'] }}", "order['number']"),
        ("{{ name|upper }}", "name"),
        ("{{ 'Hi ' ~ name }}", "name"),
        ("{{ name + 1 }}", "name"),
        ("{{ 2 * name }}", "name"),
        ("{{ name == 1 }}", "name"),
        ("{{ 1 in name }}", "name"),
        ("{{ name[1:] }}", "name"),
        ("{{ 'abc'[name:] }}", "name"),
        ("{% if name %}{% endif %}", "name"),
        ("{% if not name %}{% endif %}", "name"),
        ("{% for x in name %}{% endfor %}", "name"),
        (
            "{% for x in order.lines %}{{ x.price }}{% endfor %}",
            "x.price",
        ),
        ("{{ order.lines[0].price }}", "order.lines[0].price"),
        ("{{ name|join }}", "name"),
        ("{{ '%s'|format(name) }}", "name"),
        ("{{ name|length }}", "name"),
        ("{{ name|replace('a', 'b') }}", "name"),
        ("{{ -name }}", "name"),
        ("{{ name - 1 }}", "name"),
    ] {
        let missing = problem(source, json!({"order": {"lines": [{}]}}));
        assert_eq!(
            missing,
            TemplateProblem::MissingVariable(name.to_owned()),
            "{source}"
        );
    }
}

#[test]
fn an_error_names_the_part_the_line_and_the_problem() {
    let source = TemplateSource {
        subject: Some("Your order"),
        text: "Hello,\n\nyour order\n{{ order.number }}\n",
        html: None,
    };
    let error = render(source, &object(json!({"order": {}}))).expect_err("missing");
    assert_eq!(error.problem.code(), "missing_variable");
    assert_eq!(
        error.to_string(),
        "text, line 4: the variable order.number is missing"
    );
    let source = TemplateSource {
        html: Some("<p>\n{% if %}</p>"),
        ..source
    };
    let error = check(source).expect_err("no template");
    assert_eq!(
        (error.part, error.line, error.problem.code()),
        (TemplatePart::Html, Some(2), "syntax_error")
    );
}

#[test]
fn an_error_quotes_no_value() {
    for source in [
        "{{ secret + 1 }}",
        "{{ secret|int }}",
        "{{ secret.x.y }}",
        "{{ 1 / secret }}",
        "{{ secret() }}",
        "{{ n // 0 }}",
        "{{ secret|round }}",
        "{{ -secret }}",
        "{{ [1]|join(secret, 2, 3) }}",
        "{% for a, b in [secret] %}{% endfor %}",
    ] {
        let error = text(source, json!({"secret": "hunter2", "n": 4711}))
            .expect_err(source)
            .to_string();
        assert!(
            !error.contains("hunter2") && !error.contains("4711"),
            "{error}"
        );
    }
}

#[test]
fn unsupported_and_invalid_syntax_is_refused_when_a_template_is_written() {
    for source in [
        "{% include 'x' %}",
        "{% extends 'x' %}",
        "{% import 'x' as y %}",
        "{% block a %}{% endblock %}",
        "{{ x|pprint }}",
        "{{ debug|nofilter }}",
        "{{ x is nothing_known }}",
        "{{ f(*x) }}",
        "{{ f(**x) }}",
        "{{ x.y() }}",
        "{{ x[0]() }}",
        "{{ 1 < x < 3 }}",
        "{{ super() }}",
        "{{ self.a() }}",
        "{{ 'x' * 10 }}",
        "{{ ",
        "{% for %}",
        "{% endif %}",
        "{{ 1 + }}",
        "{% frobnicate %}",
        "{{ 'a }}",
    ] {
        let source = TemplateSource {
            subject: None,
            text: source,
            html: None,
        };
        let error = check(source).expect_err(source.text);
        assert_eq!(
            error.problem.code(),
            "syntax_error",
            "{}: {error}",
            source.text
        );
    }
}
