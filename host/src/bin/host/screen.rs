//! Wraps text for a terminal. Untrusted text never begins at the left edge, so it never looks like a message of the
//! host.

use std::io::{self, IsTerminal as _};

use anstyle::Style;
use terminal_size::{Width, terminal_size_of};

/// The prefix of each row after the first.
pub(crate) const MARGIN: &str = "    | ";

/// The assumed width of a terminal that does not report its own, in columns.
const DEFAULT_COLUMNS: usize = 80;

/// Returns the width of the terminal on standard error, or `None` if standard error is not a terminal. The user may
/// resize the terminal at any time.
pub(crate) fn columns() -> Option<usize> {
    io::stderr().is_terminal().then(|| reported_columns().unwrap_or(DEFAULT_COLUMNS))
}

/// Returns whether the terminal understands escape sequences, by its name in the environment.
pub(crate) fn has_escapes() -> bool {
    std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

fn reported_columns() -> Option<usize> {
    terminal_size_of(io::stderr()).map(|(Width(columns), _)| usize::from(columns))
}

/// Returns `text` in this style if `color` is true, and unchanged otherwise.
pub(crate) fn paint(color: bool, style: Style, text: &str) -> String {
    if color { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// Splits `text` into rows. The first row starts at column `indent`, and the others follow [`MARGIN`]. No row uses
/// the last column, where some terminals wrap by themselves. Without `columns`, the text is one row.
pub(crate) fn rows(text: &str, indent: usize, columns: Option<usize>) -> Vec<&str> {
    let Some(columns) = columns else { return vec![text] };
    let (mut rows, mut rest, mut indent) = (Vec::new(), text, indent);
    loop {
        let fits = fitting(rest, columns.saturating_sub(indent + 1));
        if fits == rest.len() {
            rows.push(rest);
            return rows;
        }
        // Break between words, unless that leaves the row half empty.
        let end = rest[..fits].rfind(' ').map(|space| space + 1).filter(|end| *end > fits / 2);
        let (row, more) = rest.split_at(end.unwrap_or(fits));
        rows.push(row);
        rest = more;
        indent = MARGIN.len();
    }
}

/// Returns how much of `text` fits into `columns`, in bytes: always at least one character. Terminals disagree about
/// the width of characters outside ASCII, so each counts as two columns, the maximum.
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
    fn rows_break_between_words_and_inside_a_long_word() {
        assert_eq!(rows("aa bb cc", 0, Some(8)), ["aa bb ", "c", "c"]);
        assert_eq!(rows("abcdefgh", 2, Some(8)), ["abcde", "f", "g", "h"]);
        assert_eq!(rows("short", 0, Some(80)), ["short"]);
        assert_eq!(rows("", 0, Some(80)), [""]);
        assert_eq!(rows("aa bb cc", 0, None), ["aa bb cc"]);
    }

    #[test]
    fn wide_and_combining_characters_count_as_two_columns() {
        assert_eq!(rows("你好你好", 0, Some(8)), ["你好你", "好"]);
        assert_eq!(rows("e\u{301}e\u{301}", 0, Some(6)), ["e\u{301}e", "\u{301}"]);
    }

    /// Otherwise the loop would never end.
    #[test]
    fn every_row_takes_a_character_even_if_it_does_not_fit() {
        assert_eq!(rows("你ab", 3, Some(1)), ["你", "a", "b"]);
        assert_eq!(rows("你ab", 3, Some(0)), ["你", "a", "b"]);
    }
}
