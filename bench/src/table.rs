//! Tables as text.

/// Rows of cells as lines, each column as wide as its widest cell.
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let head = head.map(str::to_owned);
    let rows = || std::iter::once(&head).chain(rows);
    let mut text = String::new();
    for row in rows() {
        let cells: [String; N] = std::array::from_fn(|column| {
            let width = rows().map(|row| row[column].chars().count()).max();
            format!("{:width$}", row[column], width = width.unwrap_or(0))
        });
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters() {
        let rows = [["ä".into(), "b".into()], ["long".into(), "c".into()]];
        assert_eq!(table(["A", "B"], &rows), "A     B\nä     b\nlong  c\n");
    }
}
