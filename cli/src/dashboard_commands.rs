//! The pages of the dashboard name commands. Each must exist.

use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};

use crate::args::Args;

const ID: &str = "019a2f6e-5a7c-7cc3-98c4-dc0c0c07398f";
const KEY_ID: &str = "k7m2p4q9t1";

/// Values for options whose value a page computes, by the command and the option. `*` stands for any command.
const SAMPLES: [(&str, &str, &str); 27] = [
    ("audit", "action", "template.put"),
    ("endpoints list", "state", "away"),
    ("jobs list", "state", "running"),
    ("notifications list", "status", "failed"),
    ("notifications export", "status", "failed"),
    ("notifications send", "payload", r#"{"title": "Hello"}"#),
    ("*", "actor", "anna"),
    ("*", "category", "news"),
    ("*", "channel", "email"),
    ("*", "email", "anna@example.com"),
    ("*", "endpoint", ID),
    ("*", "from", "2027-03-28T09:00:00Z"),
    ("*", "to", "2027-03-28T10:00:00Z"),
    ("*", "ended-from", "2027-03-28T09:00:00Z"),
    ("*", "ended-to", "2027-03-28T10:00:00Z"),
    ("*", "send-at", "2027-03-28T09:00:00Z"),
    ("*", "host", "example.com"),
    ("*", "id", ID),
    ("*", "locale", "de-AT"),
    ("*", "provider", "smtp"),
    ("*", "reason", "no_recipient"),
    ("*", "reference", "7"),
    ("*", "sender", "shop"),
    ("*", "target", ID),
    ("*", "template", "welcome"),
    ("*", "user", ID),
    ("*", "username", "anna"),
];

/// The TypeScript sources of the dashboard: path and text.
fn sources() -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, found);
            } else if path
                .extension()
                .is_some_and(|end| end == "ts" || end == "tsx")
            {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/dashboard/src");
    collect(&web, &mut found);
    found
}

/// Returns the text up to the bracket that closes the one before it.
fn until_closed(text: &str) -> &str {
    let end = positions(text).find(|&(_, depth, _)| depth < 0);
    end.map_or(text, |(at, ..)| &text[..at])
}

/// Splits a list at its commas, not at those within brackets and quotes.
fn members(list: &str) -> Vec<&str> {
    let commas = positions(list).filter(|&(_, depth, c)| depth == 0 && c == ',');
    let mut ends: Vec<usize> = commas.map(|(at, ..)| at).collect();
    ends.push(list.len());
    let mut start = 0;
    let mut parts = Vec::new();
    for end in ends {
        let part = list[start..end].trim();
        parts.extend((!part.is_empty()).then_some(part));
        start = end + 1;
    }
    parts
}

/// The characters outside of quotes, with how deep they are in brackets; a bracket that closes counts as outside.
fn positions(text: &str) -> impl Iterator<Item = (usize, i32, char)> {
    let (mut depth, mut quote) = (0, None);
    text.char_indices().filter_map(move |(at, c)| {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => return None,
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        Some((at, depth, c))
    })
}

/// The text of a literal, with an id for each part that a page computes. `None` if it is no literal.
fn literal(source: &str) -> Option<String> {
    if source.chars().all(|c| c.is_ascii_digit()) {
        return Some(source.to_owned());
    }
    let quote = source
        .chars()
        .next()
        .filter(|c| ['"', '\'', '`'].contains(c))?;
    let mut rest = source.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once("${") {
        text = text + before + ID;
        rest = &after[until_closed(after).len() + 1..];
    }
    Some(text + rest)
}

/// The options of an object, with their values if these are literals.
fn options(object: &str, source: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for member in members(object) {
        if let Some(call) = member.strip_prefix("...") {
            // A function of this file that returns objects.
            let name = call.split('(').next().expect("a name");
            let (_, function) = source
                .split_once(&format!("function {name}("))
                .unwrap_or_else(|| panic!("{call}: no function of the file"));
            let (_, body) = function.split_once("return ").expect("a value");
            let body = &body[..body.find(";\n").expect("an end")];
            let objects = body.match_indices('{').map(|(at, _)| &body[at + 1..]);
            found.extend(objects.flat_map(|one| options(until_closed(one), source)));
        } else if let Some((name, value)) = member.split_once(':') {
            found.push((name.trim_matches('"').to_owned(), literal(value.trim())));
        } else {
            found.push((member.to_owned(), None));
        }
    }
    found
}

/// The words of a command that a page shows.
fn words(command: &str, options: &[(String, Option<String>)]) -> Vec<String> {
    let mut words = vec!["tidings".to_owned()];
    let id = if command.starts_with("keys ") {
        KEY_ID
    } else {
        ID
    };
    let placeholder = |word: &str| match word {
        "ID" | "USER_ID" => id.to_owned(),
        word => word.to_owned(),
    };
    words.extend(command.split(' ').map(placeholder));
    for (name, value) in options {
        words.push(format!("--{name}"));
        let takes_value = argument(command, name)
            .unwrap_or_else(|| panic!("tidings {command} has no option --{name}"));
        if takes_value {
            let sample = || {
                let mut samples = SAMPLES.iter();
                let sample = samples.find(|(of, option, _)| {
                    option == name && (*of == "*" || command.starts_with(of))
                });
                let (_, _, value) = sample
                    .unwrap_or_else(|| panic!("add a sample of --{name} of tidings {command}"));
                (*value).to_owned()
            };
            words.push(value.as_deref().map_or_else(sample, placeholder));
        }
    }
    words
}

/// Whether an option of a command takes a value. `None` if the command has no such option.
fn argument(command: &str, option: &str) -> Option<bool> {
    let mut root = Args::command();
    root.build();
    let mut command_of = &root;
    for word in command.split(' ') {
        match command_of.find_subcommand(word) {
            Some(next) => command_of = next,
            None => break,
        }
    }
    let mut arguments = command_of.get_arguments();
    let found = arguments.find(|one| one.get_long() == Some(option))?;
    Some(found.get_action().takes_values())
}

#[test]
fn each_command_of_a_page_exists_with_its_options() {
    let mut checked = 0;
    for (path, source) in sources() {
        let path = path.display();
        for (at, call) in source.match_indices("tool(") {
            let before = source[..at].chars().next_back().unwrap_or(' ');
            // The function itself, and names that end in the same way.
            if before.is_alphanumeric() || source[..at].ends_with("function ") {
                continue;
            }
            let arguments = members(until_closed(&source[at + call.len()..]));
            let command = literal(arguments[0]).unwrap_or_else(|| panic!("{path}: no literal"));
            let object = arguments.get(1).map_or_else(String::new, |object| {
                let inside = object.strip_prefix('{').and_then(|o| o.strip_suffix('}'));
                // A call instead of an object is a function that returns one.
                inside.map_or_else(|| format!("...{object}"), ToOwned::to_owned)
            });
            let words = words(&command, &options(&object, &source));
            if let Err(error) = Args::try_parse_from(&words) {
                panic!("{path}: {}: {error}", words.join(" "));
            }
            checked += 1;
        }
    }
    assert!(checked > 50, "only {checked} commands were found");
}

#[test]
fn each_command_that_a_text_of_the_dashboard_names_exists() {
    let mut checked = 0;
    for (path, source) in sources() {
        for (at, found) in source.match_indices("tidings ") {
            let text = &source[at + found.len()..];
            if source[..at].ends_with(|c: char| c.is_alphanumeric() || c == '-')
                || !text.starts_with(|c: char| c.is_ascii_lowercase())
            {
                continue;
            }
            let end = text.find(|c: char| !(c.is_ascii_lowercase() || c == '-' || c == ' '));
            let text = &text[..end.unwrap_or(text.len())];
            let mut words = text.split_whitespace();
            let first = words.next().unwrap_or_default();
            let path = path.display();
            let exists = Args::command().find_subcommand(first).is_some();
            assert!(exists, "{path}: there is no command tidings {first}");
            for option in words.filter_map(|word| word.strip_prefix("--")) {
                let exists = argument(text, option).is_some();
                assert!(exists, "{path}: tidings {text} has no option --{option}");
            }
            checked += 1;
        }
    }
    assert!(checked > 3, "only {checked} commands were found");
}

#[test]
fn each_page_with_requests_names_a_command() {
    for (path, source) in sources() {
        assert!(!source.contains("cli={[]}"), "{}", path.display());
    }
}
