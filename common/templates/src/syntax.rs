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

/// The line of a problem, if known, and the problem.
pub(super) type LocatedProblem = (Option<usize>, TemplateProblem);

fn wrong(line: Option<usize>, message: impl Into<String>) -> LocatedProblem {
    (line, TemplateProblem::Syntax(message.into()))
}

/// Compiles the source of one part, and rewrites it to count its cost.
pub(super) fn compile<'a>(
    name: &'static str,
    source: &'a str,
) -> Result<Instructions<'a>, LocatedProblem> {
    if source.len() > MAX_SOURCE {
        return Err(wrong(None, format!("it has more than {MAX_SOURCE} bytes")));
    }
    if let Some(before) = source.find('\0') {
        let line = source[..before].matches('\n').count() + 1;
        return Err(wrong(
            Some(line),
            "it contains U+0000, which cannot be stored",
        ));
    }
    check_tokens(source)?;
    let tree = parse(source, name, SyntaxConfig::default()).map_err(|error| engine(&error))?;
    if let Some(line) = folding::repetition(&tree) {
        return Err(wrong(Some(line), "a text cannot be repeated with *"));
    }
    let mut generator = CodeGenerator::new(name, source);
    generator.compile_stmt(&tree);
    let (instructions, _) = generator.finish();
    rewrite::metered(&instructions).map_err(|(line, message)| wrong(line, message))
}

/// Converts a syntax error of the engine.
fn engine(error: &minijinja::Error) -> LocatedProblem {
    let message = error
        .detail()
        .map_or_else(|| error.kind().to_string(), ToOwned::to_owned);
    wrong(error.line(), message)
}

fn check_tokens(source: &str) -> Result<(), LocatedProblem> {
    let (mut tokens, mut start, mut elifs) = (0, 0, 0);
    for token in tokenize(source, false, SyntaxConfig::default()) {
        let (token, span) = token.map_err(|error| engine(&error))?;
        let line = Some(usize::from(span.start_line));
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
            return Err(wrong(line, "the expression is too long"));
        }
        if elifs > MAX_ELIFS {
            return Err(wrong(line, format!("it has more than {MAX_ELIFS} elif")));
        }
    }
    Ok(())
}
