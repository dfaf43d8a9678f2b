//! The last row of the terminal while the program waits.

use std::sync::{Arc, Mutex, PoisonError};

use crate::console::Console;

/// The row with the time left, and with the length of what was pasted.
#[derive(Debug, Clone)]
pub(super) struct Status {
    console: Console,
    parts: Arc<Mutex<Parts>>,
}

#[derive(Debug, Default)]
struct Parts {
    left: String,
    entry: Entry,
    /// Whether the program may draw: it is in the foreground.
    is_visible: bool,
    is_over: bool,
}

/// What the person has entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Entry {
    /// Nothing.
    #[default]
    Empty,
    /// This many characters, before Enter.
    Characters(usize),
    /// A text that is being checked.
    Submitted,
}

impl Status {
    pub(super) fn on(console: Console) -> Self {
        Self { console, parts: Arc::default() }
    }

    /// Shows the time left, such as `4 min left`.
    pub(super) fn set_left(&self, left: String) {
        self.change(|parts| parts.left = left);
    }

    /// Shows what the person has entered.
    pub(super) fn set_entry(&self, entry: Entry) {
        self.change(|parts| parts.entry = entry);
    }

    /// Draws or removes the row.
    pub(super) fn set_visible(&self, is_visible: bool) {
        self.change(|parts| parts.is_visible = is_visible);
    }

    /// Removes the row for good.
    pub(super) fn end(&self) {
        self.change(|parts| parts.is_over = true);
    }

    fn change(&self, change: impl FnOnce(&mut Parts)) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut parts);
        let is_drawn = parts.is_visible && !parts.is_over && !parts.left.is_empty();
        self.console.status(&if is_drawn { text(&parts) } else { String::new() });
    }
}

/// The important part comes first, because a narrow terminal cuts the end.
fn text(Parts { left, entry, .. }: &Parts) -> String {
    match entry {
        Entry::Empty => format!("Waiting: {left}"),
        Entry::Characters(1) => format!("1 character entered: press Enter; {left}"),
        Entry::Characters(count) => {
            format!("{} characters entered: press Enter; {left}", grouped(*count))
        }
        Entry::Submitted => format!("Checking the pasted text; {left}"),
    }
}

/// Formats a number with a comma between groups of three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_the_entry_is_shown_and_not_the_entry() {
        let text = |entry| text(&Parts { left: "4 min left".into(), entry, ..Parts::default() });
        assert_eq!(text(Entry::Empty), "Waiting: 4 min left");
        assert_eq!(text(Entry::Characters(1)), "1 character entered: press Enter; 4 min left");
        let long = text(Entry::Characters(1_234_567));
        assert_eq!(long, "1,234,567 characters entered: press Enter; 4 min left");
        assert_eq!(text(Entry::Submitted), "Checking the pasted text; 4 min left");
        assert_eq!([0, 999, 1000].map(grouped), ["0", "999", "1,000"]);
    }
}
