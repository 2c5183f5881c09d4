use serde_json::json;

use super::super::{MAX_OUTPUT, TemplateProblem, TemplateSource, render};
use super::{html, object, problem, text};

#[test]
fn variables_are_inserted_into_each_part() {
    let source = TemplateSource {
        subject: Some("Hello {{ name }}"),
        text: "Dear {{ name }},",
        html: Some("<p>Dear {{ name }},</p>"),
    };
    let rendered = render(source, &object(json!({"name": "Ann & <Bo>"}))).expect("rendered");
    assert_eq!(rendered.subject.as_deref(), Some("Hello Ann & <Bo>"));
    assert_eq!(rendered.text, "Dear Ann & <Bo>,");
    let html = "<p>Dear Ann &amp; &lt;Bo&gt;,</p>";
    assert_eq!(rendered.html.as_deref(), Some(html));
}

#[test]
fn the_value_of_a_variable_is_never_interpreted_as_template_or_html() {
    let evil = "{{ 7 * 7 }}{% raw %}<script>alert(\"1\" + '2')</script>";
    let page =
        html("{{ evil }}{% set x = evil %}{{ x }}", json!({"evil": evil})).expect("rendered");
    assert!(!page.contains('<') && !page.contains("49"), "{page}");
    assert_eq!(
        text("{{ evil }}", json!({"evil": evil})).expect("rendered"),
        evil
    );
    let joined = html(
        "{{ '<b>' ~ evil }}{{ evil + '<b>' }}{{ [evil]|join('<i>') }}",
        json!({"evil": "<u>"}),
    );
    assert!(!joined.expect("rendered").contains('<'));
}

#[test]
fn a_subject_is_one_line() {
    let source = TemplateSource {
        subject: Some("  A\r\nBcc: x@example.com {{ name }}\t\n"),
        text: "",
        html: None,
    };
    let rendered = render(source, &object(json!({"name": "B\r\n\u{2028}C\0D\u{85}E"})));
    let subject = rendered.expect("rendered").subject;
    assert_eq!(subject.as_deref(), Some("A Bcc: x@example.com B C D E"));
}

#[test]
fn numbers_are_rendered_as_the_table_has_them() {
    let variables = json!({"n": 3, "price": 1.5, "whole": 2.0, "big": 9_007_199_254_740_993_i64, "huge": u64::MAX, "small": -7});
    let source = "{{ n }} {{ price }} {{ whole }} {{ big }} {{ huge }} {{ small }} {{ '%.2f'|format(price) }} {{ n * price }} {{ n + 1 }}";
    let expected = "3 1.5 2.0 9007199254740993 18446744073709551615 -7 1.50 4.5 4";
    assert_eq!(text(source, variables).expect("rendered"), expected);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn common_template_syntax_works() {
    let variables = json!({
        "name": "ann", "nothing": null, "n": 2, "lines": [
            {"title": "Tea", "price": 2.5, "count": 2}, {"title": "Jam", "price": 4, "count": 1}
        ]
    });
    for (source, expected) in [
        ("{{ name|capitalize }}", "Ann"),
        ("{{ missing|default('you') }}", "you"),
        ("{{ missing|d('you')|upper }}", "YOU"),
        (
            "{% if missing is defined %}yes{% else %}no{% endif %}",
            "no",
        ),
        ("{{ 'a b&c'|urlencode }}", "a%20b%26c"),
        (
            "{{ n if n > 1 else 'one' }} item{{ 's' if n != 1 }}",
            "2 items",
        ),
        (
            "{% for line in lines %}{{ loop.index }}. {{ line.title }}{% if not loop.last %}, {% endif %}{% endfor %}",
            "1. Tea, 2. Jam",
        ),
        (
            "{% for line in lines if line.price > 3 %}{{ line.title }}{% else %}none{% endfor %}",
            "Jam",
        ),
        ("{% for line in [] %}x{% else %}none{% endfor %}", "none"),
        (
            "{% set ns = namespace(total=0) %}{% for line in lines %}{% set ns.total = ns.total + line.price * line.count %}{% endfor %}{{ '%.2f'|format(ns.total) }}",
            "9.00",
        ),
        ("{{ lines|sum(attribute='count') }}", "3"),
        (
            "{{ lines|map(attribute='title')|join(' & ') }}",
            "Tea & Jam",
        ),
        (
            "{{ lines|selectattr('price', 'gt', 3)|map(attribute='title')|first }}",
            "Jam",
        ),
        (
            "{{ (lines|sort(attribute='price', reverse=true))[0].title }}",
            "Jam",
        ),
        (
            "{% macro row(a, b='-') %}[{{ a }}|{{ b }}]{% endmacro %}{{ row(1) }}{{ row(1, b=2) }}",
            "[1|-][1|2]",
        ),
        (
            "{% macro box() %}<{{ caller() }}>{% endmacro %}{% call box() %}in{% endcall %}",
            "<in>",
        ),
        ("{% set x %}a{{ n }}b{% endset %}{{ x|upper }}", "A2B"),
        ("{% filter upper %}abc{% endfilter %}", "ABC"),
        ("{% with a = 1 %}{{ a + n }}{% endwith %}", "3"),
        (
            "{% if 'a' in name and name != 'bob' or n >= 7 %}yes{% endif %}",
            "yes",
        ),
        (
            "{% if 'x' not in name and not (n == 3) %}yes{% endif %}",
            "yes",
        ),
        (
            "{% if n < 1 %}a{% elif n < 3 %}b{% else %}c{% endif %}",
            "b",
        ),
        (
            "{{ name[0] }}{{ name[1:] }}{{ name[::-1] }}{{ lines[-1].title }}",
            "annnnaJam",
        ),
        (
            "{{ nothing is none }} {{ [1, 2] == [1, 2] }} {{ {'a': 1}.a }}",
            "True True 1",
        ),
        (
            "{{ 'a-b'|replace('-', '+') }} {{ '7'|int + 1 }} {{ 3.14159|round(2) }}",
            "a+b 8 3.14",
        ),
        (
            "{% for k, v in {'a': 1, 'b': 2}|items %}{{ k }}{{ v }}{% endfor %}",
            "a1b2",
        ),
        (
            "{% for x in tree recursive %}{{ x.n }}{{ loop(x.c) }}{% endfor %}",
            "",
        ),
        (
            "{% for x in range(1, 4) %}{{ loop.cycle('a', 'b') }}{% endfor %}",
            "aba",
        ),
        ("{# a remark #}{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        (
            "{{ 'ab' * n }} {{ 2 ** 10 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 'a' ~ 1 ~ none }}",
            "abab 1024 3 3 a1None",
        ),
        (
            "{{ n is odd }} {{ n is divisibleby 2 }} {{ name is startingwith 'a' }}",
            "False True True",
        ),
    ] {
        let mut variables = variables.clone();
        variables["tree"] = json!([]);
        assert_eq!(
            text(source, variables).map_err(|e| format!("{source}: {e}")),
            Ok(expected.to_owned())
        );
    }
    let tree = json!({"tree": [{"n": 1, "c": [{"n": 2, "c": []}]}, {"n": 3, "c": []}]});
    let source = "{% for x in tree recursive %}{{ x.n }}({{ loop(x.c) }}){% endfor %}";
    assert_eq!(text(source, tree).expect("rendered"), "1(2())3()");
}

#[test]
fn too_long_output_is_refused() {
    let long = "x".repeat(MAX_OUTPUT + 1);
    assert_eq!(
        problem("{{ long }}", json!({"long": long})),
        TemplateProblem::TooLong(MAX_OUTPUT)
    );
    let exact = "x".repeat(MAX_OUTPUT);
    assert!(text("{{ long }}", json!({"long": exact})).is_ok());
}

/// Some mail programs do not decode a slash in a link that is written as a character reference.
#[test]
fn html_is_escaped_without_slashes_in_the_filters_too() {
    let url = "https://example.com/a?b=1&c=<d>\"'";
    let escaped = "https://example.com/a?b=1&amp;c=&lt;d&gt;&quot;&#x27;";
    for source in [
        "{{ url }}",
        "{{ url|e }}",
        "{{ url|escape }}",
        "{% autoescape false %}{{ url|e }}{% endautoescape %}",
        "{% macro link(to) %}{{ to }}{% endmacro %}{{ link(url) }}",
        "{{ [url]|join }}",
        "{% set link %}{{ url }}{% endset %}{{ link }}",
    ] {
        let source = TemplateSource {
            subject: None,
            text: "{{ url|e }}",
            html: Some(source),
        };
        let variables = object(json!({ "url": url }));
        let rendered = render(source, &variables).expect("rendered");
        assert_eq!(rendered.html.as_deref(), Some(escaped), "{source:?}");
        assert_eq!(rendered.text, escaped);
    }
}

#[test]
fn html_that_renders_to_nothing_is_left_out() {
    let source = TemplateSource {
        subject: None,
        text: "t",
        html: Some("{% if shown %}<p>a</p>{% endif %}\n"),
    };
    for (shown, html) in [(true, Some("<p>a</p>\n")), (false, None)] {
        let rendered = render(source, &object(json!({ "shown": shown }))).expect("rendered");
        assert_eq!(rendered.html.as_deref().map(str::trim), html.map(str::trim));
    }
}
