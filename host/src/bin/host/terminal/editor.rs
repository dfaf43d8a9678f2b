//! The line that a person pastes or types. It contains a code, so it is never shown.

/// The number of bytes that are kept. A longer text is refused, whatever its rest is.
const LIMIT: usize = (64 << 10) + 1;

/// What a terminal sends before and after pasted text, if bracketed paste is on.
const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// The longest escape sequence of a key that is recognised, in bytes.
const SEQUENCE: usize = 16;

const CTRL_D: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const CTRL_W: u8 = 0x17;
const ESCAPE: u8 = 0x1b;
const DELETE: u8 = 0x7f;

/// A line that is complete.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    /// Whether the terminal marked any of it as pasted.
    pub(super) is_pasted: bool,
}

/// A line editor.
#[derive(Debug, Default)]
pub(super) struct Editor {
    text: Vec<u8>,
    /// The number of characters beyond [`LIMIT`].
    beyond: usize,
    /// An escape sequence that is not complete yet.
    sequence: Vec<u8>,
    is_pasting: bool,
    /// Whether the line contains pasted text.
    is_pasted: bool,
}

impl Editor {
    /// Takes the next byte of the terminal. Returns the line if the byte ends it.
    ///
    /// A line feed inside a paste does not end the line: a program may have wrapped the address.
    pub(super) fn feed(&mut self, byte: u8) -> Option<Line> {
        if byte == ESCAPE || !self.sequence.is_empty() {
            self.feed_sequence(byte);
            return None;
        }
        match byte {
            b'\r' | b'\n' if !self.is_pasting => return Some(self.take()),
            BACKSPACE | DELETE if !self.is_pasting => self.delete(1),
            CTRL_U if !self.is_pasting => self.delete(usize::MAX),
            CTRL_W if !self.is_pasting => {
                let word = |byte: &&u8| !byte.is_ascii_whitespace();
                let spaces = self.text.iter().rev().take_while(|byte| !word(byte)).count();
                let rest = &self.text[..self.text.len() - spaces];
                let start = rest.len() - rest.iter().rev().take_while(word).count();
                self.text.truncate(start);
                self.beyond = 0;
            }
            CTRL_D if !self.is_pasting => {}
            _ => self.push(byte),
        }
        None
    }

    /// Returns whether the end of a paste has not arrived yet.
    pub(super) fn is_pasting(&self) -> bool {
        self.is_pasting
    }

    /// Returns the number of characters so far.
    pub(super) fn characters(&self) -> usize {
        self.text.iter().filter(|byte| is_first(**byte)).count() + self.beyond
    }

    fn feed_sequence(&mut self, byte: u8) {
        // Escape begins a new sequence. The key before it was the escape key, or its sequence was cut off.
        if byte == ESCAPE && !self.sequence.is_empty() {
            self.end_sequence();
        }
        self.sequence.push(byte);
        let is_complete = match self.sequence.as_slice() {
            [ESCAPE] | [ESCAPE, b'[' | b'O'] => false,
            [ESCAPE, b'[', .., last] => {
                (0x40..=0x7e).contains(last) || self.sequence.len() >= SEQUENCE
            }
            _ => true,
        };
        if is_complete {
            self.end_sequence();
        }
    }

    fn end_sequence(&mut self) {
        match std::mem::take(&mut self.sequence).as_slice() {
            PASTE_BEGINS => (self.is_pasting, self.is_pasted) = (true, true),
            PASTE_ENDS => self.is_pasting = false,
            // It belongs to the text, which is then refused.
            other if self.is_pasting => other.iter().for_each(|byte| self.push(*byte)),
            // Another key, such as an arrow.
            _ => {}
        }
    }

    fn push(&mut self, byte: u8) {
        if self.text.len() < LIMIT {
            self.text.push(byte);
        } else {
            self.beyond += usize::from(is_first(byte));
        }
    }

    fn delete(&mut self, characters: usize) {
        let beyond = self.beyond.min(characters);
        self.beyond -= beyond;
        for _ in beyond..characters {
            while self.text.pop_if(|byte| !is_first(*byte)).is_some() {}
            if self.text.pop().is_none() {
                return;
            }
        }
    }

    fn take(&mut self) -> Line {
        let text = String::from_utf8_lossy(&self.text).into_owned();
        let is_pasted = self.is_pasted;
        *self = Self::default();
        Line { text, is_pasted }
    }
}

/// Returns whether `byte` is the first of a character in UTF-8.
fn is_first(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that these bytes complete, and the number of characters after them.
    fn lines(bytes: &str) -> (Vec<String>, usize) {
        let mut editor = Editor::default();
        let lines =
            bytes.bytes().filter_map(|byte| editor.feed(byte)).map(|line| line.text).collect();
        (lines, editor.characters())
    }

    #[test]
    fn a_line_ends_at_enter_and_not_at_a_line_feed_in_a_paste() {
        assert_eq!(lines("one\rtwo\nthr"), (vec!["one".into(), "two".into()], 3));
        let pasted = "\x1b[200~http://a/\r\n?code=1\n\x1b[201~";
        assert_eq!(lines(pasted), (vec![], 19));
        assert_eq!(lines(&format!("{pasted}\r")), (vec!["http://a/\r\n?code=1\n".into()], 0));
        for key in ["\x1b", "\x1b\x1b", "\x1b[", "\x1b[1;"] {
            let pasted = format!("{key}\x1b[200~a\nb\x1b[201~\r");
            assert_eq!(lines(&pasted), (vec!["a\nb".into()], 0), "{key:?}");
        }
    }

    #[test]
    fn a_line_with_a_paste_is_known_as_pasted() {
        let mut editor = Editor::default();
        for (bytes, is_pasted) in [("a\r", false), ("\x1b[200~a\x1b[201~b\r", true), ("c\r", false)]
        {
            let line = bytes.bytes().filter_map(|byte| editor.feed(byte)).last().unwrap();
            assert_eq!(line.is_pasted, is_pasted, "{bytes:?}");
        }
    }

    #[test]
    fn keys_edit_the_line_and_other_keys_are_ignored() {
        for (bytes, line) in [
            ("ab\x7fc\r", "ac"),
            ("aé\x08b\r", "ab"),
            ("\x7f\x7fa\r", "a"),
            ("one two\x15three\r", "three"),
            ("one two  \x17three\r", "one three"),
            ("one\x17\x17\r", ""),
            ("a\x04b\r", "ab"),
            ("a\x1b[A\x1b[1;5Cb\x1bOPc\x1bxd\r", "abcd"),
        ] {
            assert_eq!(lines(bytes).0, [line], "{bytes:?}");
        }
    }

    /// The checks then refuse the text.
    #[test]
    fn control_characters_in_a_paste_stay_in_the_text() {
        let pasted = "\x1b[200~a\x1b[31m\x04\x15\x7fb\x1b[201~\r";
        assert_eq!(lines(pasted).0, ["a\x1b[31m\x04\x15\x7fb"]);
        assert_eq!(lines("a\x01b\r").0, ["a\x01b"]);
    }

    #[test]
    fn a_long_text_is_counted_and_not_kept() {
        let mut editor = Editor::default();
        "x".repeat(1 << 20).bytes().for_each(|byte| assert!(editor.feed(byte).is_none()));
        assert_eq!((editor.characters(), editor.text.len()), (1 << 20, LIMIT));
        editor.feed(DELETE);
        assert_eq!(editor.characters(), (1 << 20) - 1);
        assert_eq!(editor.feed(b'\r').unwrap().text.len(), LIMIT);
        // A sequence that never ends is not kept either.
        assert_eq!(lines(&format!("\x1b[{}", "0".repeat(1000))).1, 1000 - SEQUENCE + 2);
    }

    #[test]
    fn a_deleted_line_that_was_too_long_is_empty() {
        let mut editor = Editor::default();
        "é".repeat(LIMIT).bytes().for_each(|byte| assert!(editor.feed(byte).is_none()));
        editor.feed(CTRL_U);
        assert_eq!((editor.characters(), editor.feed(b'\r').unwrap().text.len()), (0, 0));
    }
}
