//! Texts in files that people open in a spreadsheet.

use std::borrow::Cow;

/// Puts an apostrophe before text that a spreadsheet would evaluate as a formula (OWASP, "CSV Injection"). Callers choose
/// the texts of some cells, and operators open the file.
#[must_use]
pub fn inert(text: &str) -> Cow<'_, str> {
    // Including the full-width forms, which some spreadsheets evaluate too.
    let is_formula = text.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]);
    if is_formula {
        format!("'{text}").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for text in ["@SUM(1)", "-1", "+1", "=1", "\t=1", "\u{ff1d}1", "\r=1"] {
            assert_eq!(inert(text), format!("'{text}"));
        }
        assert_eq!(inert("billing-service"), "billing-service");
        assert_eq!(inert(""), "");
    }
}
