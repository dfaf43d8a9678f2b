//! What a text becomes on a terminal: rows that fit, so that none but the host's own begins at the left edge.

use std::io::{self, IsTerminal as _};

use anstyle::Style;
use terminal_size::{Width, terminal_size_of};

/// What stands in front of each row but the first.
pub(crate) const MARGIN: &str = "    | ";

/// How many columns a terminal has that does not say.
const USUAL: usize = 80;

/// The width of the terminal that standard error is; nothing where it is none. A person may change it at any time.
pub(crate) fn columns() -> Option<usize> {
    io::stderr().is_terminal().then(|| told_columns().unwrap_or(USUAL))
}

fn told_columns() -> Option<usize> {
    terminal_size_of(io::stderr()).map(|(Width(columns), _)| usize::from(columns))
}

/// `text` in this style, where colours are on.
pub(crate) fn paint(color: bool, style: Style, text: &str) -> String {
    match color {
        true => format!("{style}{text}{style:#}"),
        false => text.to_owned(),
    }
}

/// `text` in rows of which none reaches the last of the `columns`, where a terminal would begin another by
/// itself. The first comes after `taken` columns, each other one after [`MARGIN`]. Without columns it is one row.
pub(crate) fn rows(text: &str, taken: usize, columns: Option<usize>) -> Vec<&str> {
    let Some(columns) = columns else { return vec![text] };
    let (mut rows, mut rest, mut taken) = (Vec::new(), text, taken);
    loop {
        let fits = fitting(rest, columns.saturating_sub(taken + 1));
        if fits == rest.len() {
            rows.push(rest);
            return rows;
        }
        // Between words, unless the row would be half empty.
        let end = rest[..fits].rfind(' ').map(|space| space + 1).filter(|end| *end > fits / 2);
        let (row, more) = rest.split_at(end.unwrap_or(fits));
        rows.push(row);
        rest = more;
        taken = MARGIN.len();
    }
}

/// How much of `text` fits into so many columns, in bytes, and one character at least. Terminals differ in the
/// width of what is not ASCII, and none takes more than two columns for a character.
fn fitting(text: &str, columns: usize) -> usize {
    let mut width = 0;
    for (at, c) in text.char_indices() {
        width += if c.is_ascii() { 1 } else { 2 };
        if width > columns && at > 0 {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_padded_with_spaces_does_not_reach_the_next_row() {
        let text = format!("a{}error: it failed", " ".repeat(200));
        let rows = rows(&text, "[guest] ".len(), Some(80));
        assert_eq!(rows.concat(), text);
        assert!(rows.len() > 2, "{rows:?}");
        assert!("[guest] ".len() + rows[0].len() < 80);
        assert!(rows[1..].iter().all(|row| MARGIN.len() + row.len() < 80), "{rows:?}");
    }

    #[test]
    fn words_are_kept_whole_and_what_is_none_is_broken() {
        assert_eq!(rows("aa bb cc", 0, Some(8)), ["aa bb ", "c", "c"]);
        assert_eq!(rows("abcdefgh", 2, Some(8)), ["abcde", "f", "g", "h"]);
        assert_eq!(rows("short", 0, Some(80)), ["short"]);
        assert_eq!(rows("", 0, Some(80)), [""]);
        assert_eq!(rows("aa bb cc", 0, None), ["aa bb cc"]);
    }

    #[test]
    fn wide_and_combining_characters_count_two_columns() {
        assert_eq!(rows("你好你好", 0, Some(8)), ["你好你", "好"]);
        assert_eq!(rows("e\u{301}e\u{301}", 0, Some(6)), ["e\u{301}e", "\u{301}"]);
    }

    /// A terminal may be of any width: it is never waited for one that fits.
    #[test]
    fn a_terminal_of_one_column_ends() {
        assert_eq!(rows("你ab", 3, Some(1)), ["你", "a", "b"]);
        assert_eq!(rows("你ab", 3, Some(0)), ["你", "a", "b"]);
    }
}
