use super::*;

/// What is sent. Rows: the choices about the category by the channel, and about the category by all channels. Columns: the
/// choices about all notifications by the channel, and by all channels. `+` is a choice to get them, `x` not to get them, `-`
/// none. In the cells, `E`, `C`, `H` and `A` name the choice that counts: exact, category, channel or all. `..` leaves the
/// decision to the category.
const TABLE: &str = "
    -- -+ -x +- ++ +x x- x+ xx
--  .. .. xA .. .. xA xH xH xH
-+  +C +C xA +C +C xA xH xH xH
-x  xC xC xC xC xC xC xC xC xC
+-  +E +E xA +E +E xA xH xH xH
++  +E +E xA +E +E xA xH xH xH
+x  xC xC xC xC xC xC xC xC xC
x-  xE xE xE xE xE xE xE xE xE
x+  xE xE xE xE xE xE xE xE xE
xx  xE xE xE xE xE xE xE xE xE
";

fn choice(mark: u8) -> Option<bool> {
    match mark {
        b'-' => None,
        b'+' => Some(true),
        b'x' => Some(false),
        _ => panic!("no choice: {mark}"),
    }
}

/// The choices of a row and a column, with the cell.
fn cases() -> Vec<(Choices, &'static str)> {
    let mut lines = TABLE.trim_start_matches('\n').lines();
    let columns: Vec<&str> = lines
        .next()
        .expect("the columns")
        .split_whitespace()
        .collect();
    let row = |line: &'static str| {
        let mut cells = line.split_whitespace();
        let row = cells.next().expect("the row").as_bytes();
        let choices = |column: &&str| Choices {
            exact: choice(row[0]),
            category: choice(row[1]),
            channel: choice(column.as_bytes()[0]),
            all: choice(column.as_bytes()[1]),
        };
        columns.iter().map(choices).zip(cells).collect::<Vec<_>>()
    };
    lines.flat_map(row).collect()
}

#[test]
fn every_combination_of_choices_decides_as_written() {
    let cases = cases();
    assert_eq!(cases.len(), 81);
    for (choices, cell) in cases {
        for kind in CategoryKind::ALL {
            for default in [None, Some(true), Some(false)] {
                let place = match cell.as_bytes()[1] {
                    b'E' => Some(Place::Exact),
                    b'C' => Some(Place::Category),
                    b'H' => Some(Place::Channel),
                    b'A' => Some(Place::All),
                    _ => None,
                };
                let expected = match (kind, place, default) {
                    (CategoryKind::Critical, ..) => (true, Because::Critical),
                    (_, Some(place), _) => (cell.starts_with('+'), Because::Choice(place)),
                    (_, None, Some(default)) => (default, Because::Default),
                    (_, None, None) => (true, Because::Nothing),
                };
                let decided = choices.effective(kind, default);
                assert_eq!(
                    (decided.enabled, decided.because),
                    expected,
                    "{choices:?} {kind} {default:?}"
                );
            }
        }
    }
}
