use std::time::{Duration, Instant};

use serde_json::json;

use super::{html, text};

/// Templates that would take minutes or exhaust the memory if rendering had no limits.
fn expensive_templates() -> Vec<String> {
    let doubling = "{% set a = a ~ a %}".repeat(60);
    let lists = "{% set l = [l, l] %}".repeat(60);
    let added = "{% set l = l + l %}".repeat(60);
    let captured = "{% set a %}{{ a }}{{ a }}{% endset %}".repeat(60);
    let nested = "{% set l = [l] %}".repeat(20_000);
    let long = "x".repeat(100_000);
    let mut sources: Vec<String> = [
        "{% for i in range(1000000000) %}{{ i }}{% endfor %}",
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{% for i in range(99999) %}{% for j in range(99999) %}{{ j }}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(x) %}{{ m(x ~ x) }}{{ m(x) }}{% endmacro %}{{ m('x') }}",
        "{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}",
        "{{ 'x' * n }}",
        "{{ n * 'x' }}",
        "{{ [1] * n }}",
        "{{ ([1] * n)|length }}",
        "{{ 'x' * 100000000 }}",
        "{{ ['x'] * 100000000 }}",
        "{{ ('x' ~ 'y') * (10 ** 8) }}",
        "{{ (('x' * 1000000) ~ v) * 1000 }}",
        "{{ text|replace('', text) }}",
        "{{ text|replace('x', text) }}",
        "{{ text|indent(100000000) }}",
        "{{ text|indent(width=100000000) }}",
        "{{ '%100000000d'|format(1) }}",
        "{{ '%.100000000f'|format(1) }}",
        "{{ '%*d'|format(100000000, 1) }}",
        "{{ '%(a)100000000d'|format(a=1) }}",
        "{{ [1]|batch(100000000, 'x')|length }}",
        "{{ [1]|slice(100000000, 'x')|length }}",
        "{{ range(100000)|join(text) }}",
        "{{ text|list|join(text) }}",
        "{{ ([text] * 1000)|sum(start='') }}",
        "{% set x = text %}{% for i in range(99999) %}{% set x = x[1:] %}{{ x[5] }}{{ x == text }}{% endfor %}",
        "{% for i in range(99999) %}{% if text in text %}{% endif %}{% endfor %}",
        "{% for i in range(99999) %}{{ text|upper }}{% endfor %}",
        "{% for i in range(99999) %}{% set y = text|sort %}{% endfor %}",
        "{% for i in range(99999) %}{% set y = text is eq text %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(99999) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}",
        "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}",
        "{% for i in range(99999) %}{% set x = range(99999)|list %}{% endfor %}",
        "{% for i in range(99999) %}{% set x = range(99999)|map('string')|unique|list %}{% endfor %}",
        "{{ range(99999)|map('replace', '1', text)|list }}",
        "{{ 2 ** 2 ** 2 ** 2 ** 2 ** 2 }}{{ 10 ** 1000000 }}{{ n }}{% for i in range(n) %}{% endfor %}",
        "{% for i in text %}{% for j in text %}{% endfor %}{% endfor %}",
        "{{ dict(a=text)|tojson(indent=1000000) }}",
    ]
    .map(str::to_owned)
    .into();
    sources.push(format!("{{% set a = 'x' %}}{doubling}{{{{ a }}}}"));
    sources.push(format!("{{% set a = 'x' %}}{captured}{{{{ a }}}}"));
    sources.push(format!("{{% set l = [1] %}}{lists}{{{{ l }}}}"));
    sources.push(format!("{{% set l = [1] %}}{lists}{{{{ l == l }}}}"));
    sources.push(format!("{{% set l = [1] %}}{added}{{{{ l|length }}}}"));
    sources.push(format!("{{% set l = 1 %}}{nested}"));
    sources.push(format!("{{% for i in range(99999) %}}{long}{{% endfor %}}"));
    sources.push(format!(
        "{{% set x %}}{{% for i in range(99999) %}}{long}{{% endfor %}}{{% endset %}}"
    ));
    sources.push(format!("{{{{ {}1 }}}}", "1 + ".repeat(50_000)));
    sources.push(format!("{{{{ n{} }}}}", "|string".repeat(20_000)));
    sources.push(format!("{{{{ n{} }}}}", ".a".repeat(50_000)));
    sources.push(format!(
        "{{{{ {}1{} }}}}",
        "(".repeat(50_000),
        ")".repeat(50_000)
    ));
    sources.push(format!(
        "{{{{ {}1{} }}}}",
        "[".repeat(50_000),
        "]".repeat(50_000)
    ));
    sources.push(format!("{{{{ {}n }}}}", "not ".repeat(50_000)));
    sources.push(format!("{{{{ {}n }}}}", "-".repeat(10_000)));
    sources.push(format!(
        "{}x{}",
        "{% if n %}".repeat(20_000),
        "{% endif %}".repeat(20_000)
    ));
    sources.push(format!(
        "{{% if n > 1 %}}a{}{{% endif %}}{{{{ gone }}}}",
        "{% elif n > 2 %}b".repeat(20_000)
    ));
    sources.push(format!(
        "{{{{ '{}' }}}}{{% for i in range(99999) %}}{{{{ text }}}}{{% endfor %}}",
        "y".repeat(9_000)
    ));
    sources
}

#[test]
fn every_expensive_template_is_stopped_quickly() {
    let variables = json!({"n": 1_000_000_000, "v": "v", "text": "x".repeat(200_000)});
    let mut slowest = (Duration::ZERO, String::new());
    for source in expensive_templates() {
        let shown: String = source.chars().take(120).collect();
        let began = Instant::now();
        let result = text(&source, variables.clone());
        let took = began.elapsed();
        eprintln!(
            "{took:?} {shown}: {:?}",
            result
                .as_ref()
                .map(String::len)
                .map_err(ToString::to_string)
        );
        assert!(result.is_err(), "{shown}");
        slowest = slowest.max((took, shown));
    }
    assert!(slowest.0 < Duration::from_secs(20), "{slowest:?}");
}

#[test]
fn a_large_legitimate_email_is_rendered() {
    let line = json!({"title": "Darjeeling, first flush, 100 g", "sku": "TEA-0001", "count": 3, "price": 12.5, "url": "https://example.com/tea?x=1&y=2"});
    let variables = json!({"name": "Ann", "lines": vec![line; 2000], "skus": ["A", "B"]});
    let source = "<table>{% for line in lines %}\n<tr><td><a href=\"{{ line.url|e }}\">{{ loop.index }}. {{ line.title|upper }}</a></td><td>{{ line.count }} × {{ '%.2f'|format(line.price) }}</td><td>{{ '%.2f'|format(line.price * line.count) }}</td>{% if line.sku in skus %}<td>!</td>{% else %}<td style=\"padding:8px 0;color:#334155;font-family:Helvetica,Arial,sans-serif\"></td>{% endif %}</tr>{% endfor %}</table>{{ lines|sum(attribute='count') }}";
    let began = Instant::now();
    let page = html(source, variables).expect("rendered");
    eprintln!("{:?} for {} bytes", began.elapsed(), page.len());
    assert!(page.len() > 200_000);
}

/// A stack overflow would end the program, so the limits on nesting must prevent it.
#[test]
fn the_deepest_allowed_nesting_does_not_overflow_the_stack() {
    let around = |open: &str, middle: &str, close: &str, times: usize| {
        [&open.repeat(times), middle, &close.repeat(times)].concat()
    };
    let mut deep = json!("x");
    for _ in 0..120 {
        deep = json!({ "a": [deep] });
    }
    for times in [40, 74, 100, 148, 190, 380] {
        let expressions = [
            around("(", "n", ")", times),
            around("[", "n", "]", times),
            around("{'a':", "n", "}", times),
            around("not ", "n", "", times),
            around("-", "n", "", times),
            around("n + ", "n", "", times),
            around("n ~ ", "n", "", times),
            around("n ** ", "n", "", times),
            around("n and ", "n", "", times),
            around("n if n else ", "n", "", times),
            around("", "n", "|string", times),
            around("", "n", ".a", times),
            around("", "n", "[0]", times),
            around("[n, ", "n", "]|list", times),
        ];
        let statements = [
            around("{% if n %}", "x", "{% endif %}", times),
            around("{% for i in [1] %}", "x", "{% endfor %}", times),
            around("{% filter upper %}", "x", "{% endfilter %}", times),
            around("{% set x %}", "x", "{% endset %}", times),
            around("{% macro m() %}", "x", "{% endmacro %}", times),
        ];
        let expressions = expressions.iter().map(|e| format!("{{{{ {e} }}}}"));
        for source in expressions.chain(statements) {
            let _ = text(&source, json!({"n": 1}));
        }
    }
    for source in [
        "{{ deep }}",
        "{{ deep|tojson }}",
        "{{ deep == deep }}",
        "{{ [deep, deep]|sort }}",
        "{{ [deep, deep]|unique }}",
        "{{ deep ~ deep }}",
        "{% macro m(x) %}{% for y in x %}{% filter upper %}{{ m(x) }}{% endfilter %}{% endfor %}{% endmacro %}{{ m(deep) }}",
        "{% macro m() %}{% call c() %}{{ m() }}{% endcall %}{% endmacro %}{% macro c() %}{{ caller() }}{% endmacro %}{{ m() }}",
    ] {
        let _ = text(source, json!({"deep": deep}));
    }
}
