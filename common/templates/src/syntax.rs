use minijinja::machinery::{CodeGenerator, Instructions, Token, parse, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::error::TemplateProblem;
use super::{folding, rewrite};

/// The longest source of one part, in bytes.
const MAX_SOURCE: usize = 512 * 1024;

/// The maximum number of tokens and bytes in one pair of braces, and of `elif`: the engine handles them by recursion,
/// which must not exhaust the stack of a thread.
const MAX_TOKENS: usize = 400;
const MAX_TAG: usize = 16 * 1024;
const MAX_ELIFS: usize = 100;

/// A problem, and where it is.
pub(super) type LocatedProblem = (Position, TemplateProblem);

/// A place in a source, as far as it is known. Both numbers are counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: Option<usize>,
    /// In characters.
    pub(super) column: Option<usize>,
}

impl Position {
    pub(super) const fn of_line(line: Option<usize>) -> Self {
        Self { line, column: None }
    }

    /// Where an error of the engine is. It knows the line of most, and the bytes of some.
    pub(super) fn of_error(error: &minijinja::Error, source: &str) -> Self {
        let before = error.range().and_then(|range| source.get(..range.start));
        let line = error.line();
        let column = before.and_then(|before| {
            let (lines, last) = match before.rsplit_once('\n') {
                Some((lines, last)) => (lines.matches('\n').count() + 2, last),
                None => (1, before),
            };
            (Some(lines) == line).then(|| last.chars().count() + 1)
        });
        Self { line, column }
    }
}

fn wrong(position: Position, message: impl Into<String>) -> LocatedProblem {
    (position, TemplateProblem::Syntax(message.into()))
}

/// Compiles the source of one part, and rewrites it to count its cost.
pub(super) fn compile<'a>(
    name: &'static str,
    source: &'a str,
) -> Result<Instructions<'a>, LocatedProblem> {
    if source.len() > MAX_SOURCE {
        return Err(wrong(
            Position::default(),
            format!("it has more than {MAX_SOURCE} bytes"),
        ));
    }
    if let Some(before) = source.find('\0') {
        let line = source[..before].matches('\n').count() + 1;
        return Err(wrong(
            Position::of_line(Some(line)),
            "it contains U+0000, which cannot be stored",
        ));
    }
    check_tokens(source)?;
    let tree =
        parse(source, name, SyntaxConfig::default()).map_err(|error| engine(&error, source))?;
    if let Some(line) = folding::repetition(&tree) {
        return Err(wrong(
            Position::of_line(Some(line)),
            "a text cannot be repeated with *",
        ));
    }
    let mut generator = CodeGenerator::new(name, source);
    generator.compile_stmt(&tree);
    let (instructions, _) = generator.finish();
    rewrite::metered(&instructions)
        .map_err(|(line, message)| wrong(Position::of_line(line), message))
}

/// Converts a syntax error of the engine.
fn engine(error: &minijinja::Error, source: &str) -> LocatedProblem {
    let message = error
        .detail()
        .map_or_else(|| error.kind().to_string(), ToOwned::to_owned);
    wrong(Position::of_error(error, source), message)
}

fn check_tokens(source: &str) -> Result<(), LocatedProblem> {
    let (mut tokens, mut start, mut elifs) = (0, 0, 0);
    for token in tokenize(source, false, SyntaxConfig::default()) {
        let (token, span) = token.map_err(|error| engine(&error, source))?;
        let position = Position::of_line(Some(usize::from(span.start_line)));
        match token {
            Token::TemplateData(_) => continue,
            Token::VariableStart | Token::BlockStart => {
                (tokens, start) = (0, span.start_offset);
            }
            Token::Ident("elif") => elifs += 1,
            _ => {}
        }
        tokens += 1;
        let bytes = usize::try_from(span.end_offset.saturating_sub(start)).unwrap_or(usize::MAX);
        if tokens > MAX_TOKENS || bytes > MAX_TAG {
            return Err(wrong(position, "the expression is too long"));
        }
        if elifs > MAX_ELIFS {
            return Err(wrong(
                position,
                format!("it has more than {MAX_ELIFS} elif"),
            ));
        }
    }
    Ok(())
}
